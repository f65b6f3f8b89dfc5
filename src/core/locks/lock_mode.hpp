// The modes of table locks by their names.
#pragma once

namespace sessionctl::core {

/// From 1, the weakest, to 8, in the server's order. Accepts the names of pg_locks and those of LOCK TABLE,
/// in upper or lower case. Errors: 22023 with all of them in the hint.
int checked_lock_mode(const char* name);

} // namespace sessionctl::core
