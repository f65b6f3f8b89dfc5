// Finds in the analysed tree what a condition may not contain, before it runs.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

enum class Refusal {
    none,
    unknown_construct, // a node that is not known, or that may have side effects
    bare_star,
    volatile_function,
    old_spelling,             // compares with '<IDLE>'
    foreign_domain,           // a user-defined domain: its constraints may call any function
    ignores_session,          // never refers to the session
    subquery_under_other,     // the rest: under another user's rights
    foreign_name_under_other, // a schema other than pg_catalog, or a user-defined object in it
    risky_under_other,        // a function, operator, type or collation that may run other users' code
};

struct Finding {
    Refusal refusal;
    int location; // byte offset in the analysed text; -1: none
    Oid object;   // the function, or the domain
};

/// Checks the analysed qualification of a query whose only range table entry is session_activity. Raises no
/// error of its own; call it inside pg::call.
Finding inspect(Node* qualification, bool is_under_other);

} // namespace sessionctl::pg
