// Sessions that the reaper leaves alone.
#pragma once

#include "pg/sessions/roster.hpp"

namespace sessionctl::worker {

/// Reads the catalogs. Errors: PgError.
bool is_exempt(const pg::RosterEntry& entry);

} // namespace sessionctl::worker
