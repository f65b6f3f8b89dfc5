// Limits that ALTER ROLE and ALTER DATABASE have set, whoever is connected.
#pragma once

#include "core/memory.hpp"

namespace sessionctl::pg {

struct LimitSettings {
    int count = 0;                         // roles, databases, roles in a database
    core::vector<core::string> superusers; // those of the roles, as messages show them
};

/// Errors: PgError.
LimitSettings limit_settings();

} // namespace sessionctl::pg
