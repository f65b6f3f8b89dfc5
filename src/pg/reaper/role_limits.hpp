// Limits set by ALTER ROLE and ALTER DATABASE, whether or not such sessions are connected.
#pragma once

#include "core/memory.hpp"

namespace sessionctl::pg {

struct RoleLimits {
    int count = 0;                         // roles, databases, roles in a database
    core::vector<core::string> superusers; // superusers among these roles, as shown in messages
};

/// Errors: PgError.
RoleLimits role_limits();

} // namespace sessionctl::pg
