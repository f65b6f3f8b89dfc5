// A caller's condition: one boolean expression over session_activity, checked before it runs.
#pragma once

#include "core/memory.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// A condition as the caller gave it, with the values of $1, $2 ... One of type unknown takes the type that
/// its place needs, as a quoted literal does.
struct Condition {
    const char* text;
    int arguments;
    Oid* types;
    Datum* values;
    char* nulls; // 'n' or ' ', one for each argument
    List* per;   // columns of session_activity, as strings; NIL: none
};

struct Match {
    int pid;
    std::string_view group; // what the columns `per` hold
};

/// Columns of session_activity with commas between, for `per`. Errors: 22023 with the columns in the hint for
/// one that there is not, and for no list.
List* columns_named(const char* text);

/// Parses, analyses and evaluates the condition, each once, over this roster, with the caller's rights and in
/// a read-only transaction. Errors: the caller's own (with a caret into the condition where there is a
/// place), and refusals: 42601 not one expression, 42804 not boolean, 0A000 what may do more than look, 22023
/// never looks at the session, 42501 what may not be used inside a SECURITY DEFINER function.
core::vector<Match> evaluate(const Condition& condition, const Roster& roster);

} // namespace sessionctl::pg
