// The processes that have a place in shared memory.
#pragma once

#include "core/memory.hpp"

namespace sessionctl::compat {

/// Their pids, read without a lock. Whoever is in the process array is among them. Up to 13 so are some that
/// have ended: the place keeps the pid until it is reused.
void list_process_pids(core::vector<int>& pids);

} // namespace sessionctl::compat
