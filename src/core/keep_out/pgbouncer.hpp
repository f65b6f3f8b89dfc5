// Names as PgBouncer's admin console reads them.
#pragma once

#include "core/memory.hpp"

#include <string_view>

namespace sessionctl::core {

/// The database's name as the one argument of PAUSE or RESUME. Errors: 22023 for an empty name, which would
/// mean all databases of all tenants; 42622 for one that PgBouncer can't take.
string console_name(std::string_view database);

} // namespace sessionctl::core
