// A caller's condition: one boolean expression over session_activity, checked before it runs.
#pragma once

#include "core/memory.hpp"
#include "pg/roster.hpp"

namespace sessionctl::pg {

/// A condition as the caller gave it, with the values of $1, $2 ... One of type unknown takes the type that
/// its place needs, as a quoted literal does.
struct Condition {
    const char* text;
    int arguments;
    Oid* types;
    Datum* values;
    char* nulls;     // 'n' or ' ', one for each argument
    const char* per; // a column of session_activity, or null
};

struct Match {
    int pid;
    std::string_view group; // value of the `per` column, "" for NULL or without one
};

/// Errors: 22023 with the columns in the hint when there is no such column of session_activity.
void check_column(const char* name);

/// Parses, analyses and evaluates the condition, each once, over this roster, with the caller's rights and in
/// a read-only transaction. Errors: the caller's own (with a caret into the condition where there is a
/// place), and refusals: 42601 not one expression, 42804 not boolean, 0A000 what may do more than look, 22023
/// never looks at the session, 42501 what may not be used inside a SECURITY DEFINER function.
core::vector<Match> evaluate(const Condition& condition, const Roster& roster);

} // namespace sessionctl::pg
