// The memory of a lockdown: the parameter pg_sessionctl.lockdown among the settings of the database or of the
// role (pg_db_role_setting).
//
// There it is transactional, cluster-wide, replicated, in pg_dumpall, and gone with its object; a rename does
// not touch it. A shared security label would be all of that, too, but restoring one needs its provider to be
// loaded, else pg_upgrade and pg_restore stop: a parameter's name is accepted by any server. ALTER DATABASE …
// SET of a superuser's parameter is refused to the owner of a database, so it is written as superuser, once
// the caller's own ALTER has shown his right.
#pragma once

#include "core/keep_out/lockdown.hpp"
#include "pg/keep_out/lockable.hpp"

namespace sessionctl::pg {

/// Defines the parameter, so that nobody but a superuser may set it.
void define_lockdown_memory();

/// Errors: 55000 where somebody has written something else there.
std::optional<core::Lockdown> remembered(Lockable kind, Oid oid);
void remember(Lockable kind, const char* name, const core::Lockdown& lockdown);
void forget(Lockable kind, const char* name);

struct KnownLockdown {
    Lockable kind;
    Oid oid;
    const char* name;
    std::optional<core::Lockdown> memory; // empty: not readable
};
/// All of the cluster, by kind and name.
core::vector<KnownLockdown> known_lockdowns();

} // namespace sessionctl::pg
