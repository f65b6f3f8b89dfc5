#include "pg/keep_out/lockable.hpp"

#include "pg/error.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "storage/lock.h"
}

namespace sessionctl::pg {

const char* noun(Lockable kind) noexcept {
    return kind == Lockable::database ? "database" : "role";
}

const char* keyword(Lockable kind) noexcept {
    return kind == Lockable::database ? "DATABASE" : "ROLE";
}

void lock_until_commit(Lockable kind, Oid oid) {
    lock_object(kind == Lockable::database ? DatabaseRelationId : AuthIdRelationId, oid,
                ShareUpdateExclusiveLock);
}

void alter(Lockable kind, const char* name, const char* what, As as) {
    const char* const statement =
        call([=] { return psprintf("ALTER %s %s %s", keyword(kind), quote_identifier(name), what); });
    run_sql(statement, as);
}

void alter_limit(Lockable kind, const char* name, std::int32_t limit) {
    char what[48];
    std::snprintf(what, sizeof what, "CONNECTION LIMIT %d", limit);
    alter(kind, name, what);
}

} // namespace sessionctl::pg
