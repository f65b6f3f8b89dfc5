#include "api/lockdown.hpp"

#include "core/error.hpp"
#include "pg/audit_transaction.hpp"
#include "pg/error.hpp"
#include "pg/sweep.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "utils/acl.h"
#include "utils/syscache.h"
}

namespace sessionctl::api {

namespace {

using pg::Lockable;

void alter_openness(Lockable kind, const char* name, bool is_open) {
    if (kind == Lockable::role)
        pg::alter(kind, name, is_open ? "LOGIN" : "NOLOGIN");
    else if (compat::has_allow_connections)
        pg::alter(kind, name, is_open ? "ALLOW_CONNECTIONS true" : "ALLOW_CONNECTIONS false");
    else
        pg::run_sql(pg::call([=] {
            return psprintf("UPDATE pg_catalog.pg_database SET datallowconn = %s WHERE datname = %s",
                            is_open ? "true" : "false", quote_literal_cstr(name));
        }));
}

} // namespace

core::Lockdown new_lockdown(const core::Door& before, const core::Door& during, const char* reason) {
    core::Lockdown lockdown;
    lockdown.before = before;
    lockdown.during = during;
    lockdown.since = GetCurrentTimestamp();
    const char* const by = pg::call([] { return compat::role_name_or_null(GetUserId()); });
    lockdown.by = pg::kept_text(by);
    if (reason != nullptr)
        lockdown.reason = pg::kept_text(core::clean_reason(reason, pg::server_encoding()).c_str());
    return lockdown;
}

void set_door(Lockable kind, const char* name, Oid oid, const core::Door& from, const core::Door& to) {
    if (kind == Lockable::database)
        pg::alter_limit(kind, name, to.limit);
    if (kind == Lockable::role || to.is_open != from.is_open)
        alter_openness(kind, name, to.is_open);
    // From here on nobody else can rename it.
    const Oid altered = pg::call(
        [=] { return kind == Lockable::role ? get_role_oid(name, true) : get_database_oid(name, true); });
    if (altered != oid)
        throw core::Error(core::sqlstate::lock_not_available, "%s \"%s\" was renamed meanwhile",
                          pg::noun(kind), name)
            .hint("Nothing was changed. Try again.");
}

void keep_in_audit(const char* action, const char* result, Lockable kind, const char* name,
                   const core::Door& door, const char* reason) {
    pg::AuditRecord record = pg::AuditRecord::by_caller(action, result);
    pg::LogLine details;
    if (kind == Lockable::role) {
        record.role.set(name);
        details.add("login", door.is_open ? "true" : "false");
    } else {
        record.database.set(name);
        details.add("connection_limit", door.limit);
        details.add("allow_connections", door.is_open ? "true" : "false");
    }
    record.details.set(details.pairs());
    record.set_field(record.reason, reason);
    pg::keep_at_commit(record);
}

void tell_changes_by_hand(Lockable kind, const char* name, const core::Lockdown& lockdown,
                          const core::Restoration& restoration, const core::Door& current) {
    if (restoration.limit_was_changed)
        pg::call([&] {
            ereport(
                NOTICE,
                (errmsg(
                     "the connection limit of %s \"%s\" was changed to %d since its lockdown, and stays so",
                     pg::noun(kind), name, current.limit),
                 errdetail("Before the lockdown it was %d.", lockdown.before.limit)));
        });
    if (restoration.openness_was_changed)
        pg::call([&] {
            ereport(
                NOTICE,
                (errmsg("who may log in to %s \"%s\" was changed since its lockdown, and stays so",
                        pg::noun(kind), name),
                 errdetail(lockdown.before.is_open ? "Before the lockdown connections were allowed."
                                                   : "Before the lockdown connections were not allowed.")));
        });
}

Datum not_locked(Lockable kind, const char* name) {
    pg::call([=] {
        ereport(NOTICE, (errmsg("%s \"%s\" is not locked down", pg::noun(kind), name),
                         errhint("A connection limit set by hand is not a lockdown: ALTER %s changes it.",
                                 pg::keyword(kind))));
    });
    return BoolGetDatum(false);
}

std::optional<core::Door> find_door(Lockable kind, Oid oid) {
    return pg::call([=]() -> std::optional<core::Door> {
        // A role is shut out by NOLOGIN alone, which binds superusers, too: its limit stays as it is.
        if (kind == Lockable::role)
            return core::Door{core::Door::unlimited, pg::may_log_in(oid)};
        const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(oid));
        if (!HeapTupleIsValid(tuple))
            return std::nullopt;
        const auto& row = *reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple));
        const core::Door door = {row.datconnlimit, row.datallowconn};
        ReleaseSysCache(tuple);
        return door;
    });
}

core::Door door_of(Lockable kind, Oid oid) {
    const std::optional<core::Door> door = find_door(kind, oid);
    if (!door)
        throw core::Error(core::sqlstate::undefined_database, "database with OID %u does not exist", oid);
    return *door;
}

} // namespace sessionctl::api
