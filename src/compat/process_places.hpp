// The processes that have a place in shared memory, read without a lock: where many processes exit at once,
// each waits for the lock of the process array, and whoever asks there waits behind them all.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

namespace sessionctl::compat {

/// 0: it is empty, or a prepared transaction's. A process owns the latch of its place from before it enters
/// the process array until after it has left it; its pid stays there longer.
int pid_of_process(const PGPROC& place) noexcept;

void list_process_pids(core::vector<int>& pids);

/// Null if there is none. Its place may be another process's at any time.
PGPROC* process_with_pid(int pid) noexcept;

/// The same, of the session in that slot of the session table.
PGPROC* process_of_session(int slot, int pid) noexcept;

} // namespace sessionctl::compat
