// One reaper a cluster: it holds an advisory lock of database 0. So any server can tell whether a reaper runs
// and its pid, without our shared memory.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Held as long as the process lives. False if another process holds it.
bool acquire_reaper_lock();
/// 0: no reaper runs.
int reaper_pid();

/// Held until the end of the transaction that stops the reaper. A reaper that is terminated without it
/// restarts. False if another session holds it.
bool acquire_stop_lock();
bool is_stop_wanted();

} // namespace sessionctl::pg
