// What a condition may not do, found in its parse tree before it runs.
#pragma once

#include "pg/postgres.hpp"

namespace sessionctl::pg {

enum class Offence {
    none,
    volatile_function,
    old_spelling,         // compares with '<IDLE>'
    subquery_under_other, // under a local change of user
    risky_under_other,    // a function or type that may run others' code, under a local change of user
    foreign_domain,       // a domain made by somebody: its constraints may call anything
    ignores_session,      // never refers to the session
};

struct Finding {
    Offence offence;
    int location; // byte offset in the analysed text, -1 where there is none
    Oid object;   // the function, or the domain
};

/// Looks at the analysed qualification of a query whose only range table entry is session_activity. Raises no
/// error of its own; runs inside pg::call.
Finding inspect(Node* qualification);

} // namespace sessionctl::pg
