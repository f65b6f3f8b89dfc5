// The parameters (GUCs) of pg_sessionctl.
#pragma once

#include "core/memory.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// Called once, from _PG_init.
void define_settings();

/// pg_sessionctl.refuse_above; 0 = no bound.
int refuse_above_setting() noexcept;

/// The roles named in pg_sessionctl.protected_roles. A name that no role has is a WARNING: a misspelt guard
/// rail protects nobody.
core::vector<Oid> protected_role_oids();

} // namespace sessionctl::pg
