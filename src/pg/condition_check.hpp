// What a condition may not do, found in its parse tree before it runs.
#pragma once

#include "pg/postgres.hpp"

namespace sessionctl::pg {

enum class Offence {
    none,
    volatile_function,
    old_spelling,         // compares with '<IDLE>'
    subquery_under_other, // under a local change of user
    foreign_object,       // a function, operator or type outside pg_catalog, under a local change of user
    ignores_session,      // never refers to the session
};

struct Finding {
    Offence offence;
    int location; // byte offset in the analysed text, -1 where there is none
    Oid function; // the volatile or foreign function, InvalidOid where it is not one
};

/// Looks at the analysed qualification of a query whose only range table entry is session_activity. Raises no
/// error of its own; runs inside pg::call.
Finding inspect(Node* qualification);

} // namespace sessionctl::pg
