// What a condition may not do, found in its analysed tree before it runs.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

enum class Refusal {
    none,
    unknown_construct, // what nobody has looked at yet, or does more than look
    bare_star,
    volatile_function,
    old_spelling,             // compares with '<IDLE>'
    foreign_domain,           // a domain made by somebody: its constraints may call anything
    ignores_session,          // never refers to the session
    subquery_under_other,     // the rest: under another user's rights
    foreign_name_under_other, // a schema that is not pg_catalog, or what somebody put there
    risky_under_other,        // a function, operator, type or collation that may run others' code
};

struct Finding {
    Refusal refusal;
    int location; // byte offset in the analysed text, -1 where there is none
    Oid object;   // the function, or the domain
};

/// Looks at the analysed qualification of a query whose only range table entry is session_activity. Raises no
/// error of its own; runs inside pg::call.
Finding inspect(Node* qualification, bool is_under_other);

} // namespace sessionctl::pg
