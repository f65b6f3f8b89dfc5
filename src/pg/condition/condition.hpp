// A caller's condition: one boolean expression over session_activity, checked before it runs.
#pragma once

#include "core/memory.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// A condition as the caller gave it, with the values of $1, $2 ... A value of type unknown takes its type
/// from the context, as a quoted literal does.
struct Condition {
    const char* text;
    int arguments;
    Oid* types;
    Datum* values;
    char* nulls;                  // 'n' or ' ', one for each argument
    List* per;                    // columns of session_activity, as strings; NIL: none
    bool is_of_rule = false;      // its owner reads the errors
    bool is_about_server = false; // not about a session: one row, or none
};

struct Match {
    int pid;
    std::string_view group; // the values of the columns `per`
};

/// Columns of session_activity, separated by commas, for `per`. Errors: 22023 for an unknown column, with the
/// columns in the hint, and for a text that is not a list.
List* columns_named(const char* text);

/// Parses, analyses and evaluates the condition, each once, over this roster, with the caller's rights and in
/// a read-only transaction. Errors: those of the condition itself (with the position in it, if known); 42601
/// not one expression, 42804 not boolean, 0A000 possible side effects, 22023 does not refer to the session,
/// 42501 not allowed inside a SECURITY DEFINER function.
core::vector<Match> evaluate(const Condition& condition, const Roster& roster);

} // namespace sessionctl::pg
