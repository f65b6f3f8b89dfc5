// One reaper a cluster: who runs holds an advisory lock that belongs to no database. So every server tells
// whether one runs and who it is, without shared memory of ours, too.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// For as long as the process lives. False where another one has it.
bool acquire_reaper_lock();
/// 0: none runs.
int reaper_pid();

/// Held (to the end of the transaction) by whoever stops the reaper. A reaper that is terminated without it
/// was hit by accident and comes back. False where somebody else holds it.
bool acquire_stop_lock();
bool is_stop_wanted();

} // namespace sessionctl::pg
