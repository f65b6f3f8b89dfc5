#include "api/keep_out/lockdown.hpp"

#include "core/error.hpp"
#include "pg/audit/audit_transaction.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"

extern "C" {
#include "access/xact.h"
#include "catalog/pg_database.h" // 19: get_database_oid()
#include "commands/dbcommands.h"
#include "utils/acl.h"
}

namespace sessionctl::api {

using pg::Lockable;

namespace {

void alter_login_setting(Lockable kind, const char* name, bool is_open) {
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

/// Written when the transaction commits.
void keep_in_audit(const char* action, const char* result, Lockable kind, const char* name,
                   const core::LoginSettings& settings, const char* reason) {
    pg::AuditRecord record = pg::AuditRecord::by_caller(action, result);
    pg::LogLine details;
    if (kind == Lockable::role) {
        record.role.set(name);
        details.add("login", settings.is_open ? "true" : "false");
    } else {
        record.database.set(name);
        details.add("connection_limit", settings.limit);
        details.add("allow_connections", settings.is_open ? "true" : "false");
    }
    record.details.set(details.pairs());
    record.set_field(record.reason, reason);
    pg::keep_at_commit(record);
}

} // namespace

core::Lockdown new_lockdown(const core::LoginSettings& before, const core::LoginSettings& during,
                            const char* reason) {
    core::Lockdown lockdown;
    lockdown.before = before;
    lockdown.during = during;
    lockdown.since = GetCurrentTimestamp();
    const char* const by = pg::call([] { return compat::role_name_or_null(GetUserId()); });
    if (by != nullptr)
        lockdown.by = pg::kept_name(by);
    if (reason != nullptr)
        lockdown.reason = pg::kept_reason(reason);
    return lockdown;
}

/// After our ALTER no other transaction can change the row. Its contents before must be what the lockdown has
/// stored; otherwise it was altered concurrently, after we read it.
void set_login_settings(Lockable kind, const char* name, Oid oid, const core::LoginSettings& from,
                        const core::LoginSettings& to) {
    const CommandId command = GetCurrentCommandId(false);
    if (kind == Lockable::database)
        pg::alter_limit(kind, name, to.limit);
    if (kind == Lockable::role || to.is_open != from.is_open)
        alter_login_setting(kind, name, to.is_open);
    require_altered(kind, name, oid);
    if (!(login_settings_before(kind, name, command) == from))
        throw core::Error(core::sqlstate::lock_not_available, "%s \"%s\" was concurrently altered",
                          pg::noun(kind), name)
            .hint("Nothing was changed. Try again.");
}

void require_altered(Lockable kind, const char* name, Oid oid) {
    const Oid altered = pg::call(
        [=] { return kind == Lockable::role ? get_role_oid(name, true) : get_database_oid(name, true); });
    if (altered != oid)
        throw core::Error(core::sqlstate::lock_not_available, "%s \"%s\" was concurrently renamed",
                          pg::noun(kind), name)
            .hint("Nothing was changed. Try again.");
}

void record_lockdown(Lockable kind, const char* name, Oid oid, core::Lockdown lockdown, const char* reason) {
    const core::LoginSettings during = lockdown.during;
    pg::store_lockdown(kind, name, core::renewed(pg::stored_lockdown(kind, oid), std::move(lockdown)));
    keep_in_audit(kind == Lockable::role ? "lockdown_role" : "lockdown_database", "closed", kind, name,
                  during, reason);
}

void unlock(Lockable kind, const char* name, Oid oid, const core::LoginSettings& from,
            const core::LoginSettings& to) {
    set_login_settings(kind, name, oid, from, to);
    pg::remove_lockdown(kind, name);
    keep_in_audit(kind == Lockable::role ? "unlock_role" : "unlock_database", "open", kind, name, to,
                  nullptr);
}

} // namespace sessionctl::api
