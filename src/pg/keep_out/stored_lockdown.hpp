// Where a lockdown stores the previous values: the parameter pg_sessionctl.lockdown among the settings of the
// database or role (pg_db_role_setting).
//
// There it is transactional, cluster-wide, replicated, in pg_dumpall, dropped with its object and unaffected
// by a rename. A shared security label would be all of that, too, but pg_upgrade and pg_restore fail if its
// provider is not loaded; any server accepts a parameter's name. The owner of a database may not set a
// superuser's parameter for it, so it is written as superuser after the caller's own ALTER has proven the
// right.
#pragma once

#include "core/keep_out/lockdown.hpp"
#include "pg/keep_out/lockable.hpp"

namespace sessionctl::pg {

/// Defines the parameter, which only a superuser may set.
void define_lockdown_parameter();

/// Errors: 55000 if the value is not one of ours.
std::optional<core::Lockdown> stored_lockdown(Lockable kind, Oid oid);
void store_lockdown(Lockable kind, const char* name, const core::Lockdown& lockdown);
void remove_lockdown(Lockable kind, const char* name);

struct StoredLockdown {
    Lockable kind;
    Oid oid;
    const char* name;
    std::optional<core::Lockdown> lockdown; // empty: not readable
};
/// All of the cluster, by kind and name.
core::vector<StoredLockdown> stored_lockdowns();

} // namespace sessionctl::pg
