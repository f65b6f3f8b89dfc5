// The reaper's limits: parameters that the configuration sets for all and ALTER ROLE or DATABASE for some. A
// session publishes what is its own in shared memory; the rest is the configuration's, which the reaper reads
// itself.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/reaper/limits.hpp"

namespace sessionctl::pg {

/// Called once, from _PG_init.
void define_limits();

/// As they are in this process.
core::Limits own_limits() noexcept;
/// Another session's: its own where it has published any, else this process's; of a walsender's only its
/// own, those of its role or its database.
core::Limits limits_of(const core::Session& session) noexcept;
/// By ALTER ROLE, ALTER DATABASE or SET.
bool has_own_limits(const core::Session& session) noexcept;
/// Of logins under way: they have published limits, and are not among the sessions of the table (in its
/// order) yet.
core::vector<core::Limits> limits_of_logins(const core::vector<core::Session>& listed);

} // namespace sessionctl::pg
