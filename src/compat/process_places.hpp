// The processes that have a place in shared memory, read without a lock: where many processes exit at once,
// each waits for the lock of the process array, and whoever asks there waits behind them all.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

#include <atomic>

namespace sessionctl::compat {

/// 0: it is empty, or a prepared transaction's. A process owns the latch of its place from before it enters
/// the process array until after it has left it; its pid stays there longer.
int pid_of_process(const PGPROC& place) noexcept;

/// Invalid: it has none, or is a login that is not authenticated yet. A process keeps its role until it is
/// gone.
Oid role_of_process(const PGPROC& place) noexcept;

struct ProcessInPlace {
    int pid;
    Oid role;
};
void list_processes(core::vector<ProcessInPlace>& processes);

/// Null if there is none. Its place may be another process's at any time.
PGPROC* process_with_pid(int pid) noexcept;

/// The same, of the session in that slot of the session table.
PGPROC* process_of_session(int slot, int pid) noexcept;

/// Calls `read` with what the process with that pid has in this place. False: the place is not that
/// process's, or no longer, and what was read may be another's.
template <typename Read>
bool read_place(const PGPROC& place, int pid, Read&& read) {
    if (pid == 0 || pid_of_process(place) != pid)
        return false;
    std::atomic_thread_fence(std::memory_order_acquire);
    read(const_cast<const volatile PGPROC&>(place));
    std::atomic_thread_fence(std::memory_order_acquire);
    return pid_of_process(place) == pid;
}

} // namespace sessionctl::compat
