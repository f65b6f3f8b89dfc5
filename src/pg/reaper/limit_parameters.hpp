// The reaper's limits: parameters set for all in the configuration, and for some by ALTER ROLE or DATABASE. A
// session publishes its own values in shared memory; the reaper reads the others from the configuration.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/reaper/limits.hpp"

namespace sessionctl::pg {

/// Called once, from _PG_init.
void define_limits();

/// Those of this process.
core::Limits own_limits() noexcept;
/// Of another session: its own if it has published any, else this process's. A walsender has only its own,
/// those of its role or database.
core::Limits limits_of(const core::Session& session) noexcept;
/// Set by ALTER ROLE, ALTER DATABASE or SET.
bool has_own_limits(const core::Session& session) noexcept;
/// Of pending logins: they have published limits, but are not yet among the sessions of the table (in its
/// order).
core::vector<core::Limits> limits_of_logins(const core::vector<core::Session>& listed);

} // namespace sessionctl::pg
