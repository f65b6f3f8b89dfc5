// The server's lock table, on every version.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/wait_graph.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace sessionctl::compat {

/// Where a copy of the lock table's waits goes; what does not fit is counted all the same.
template <typename T>
struct Room {
    T* at;
    int capacity;
    int count;

    void add(const T& value) noexcept {
        if (count < capacity)
            at[count] = value;
        ++count;
    }
    bool fits() const noexcept { return count <= capacity; }
};

struct WaitRoom {
    Room<core::ProcLock>
        proclocks; // lock by lock, those who wait first, from the end of the queue to its front
    Room<LOCKTAG> locks;
    Room<core::Helper> helpers;
};

/// All locks that somebody waits for, as they are at one moment. Raises nothing and allocates nothing while
/// it holds the lock table: fewer entries than GetLockStatusData() copies, no longer than that.
void copy_lock_waits(WaitRoom& room);

/// As pg_locks.locktype names it.
const char* lock_type_name(const LOCKTAG& tag) noexcept;

/// "ShareLock"
const char* lock_mode_name(const LOCKTAG& tag, LOCKMODE mode) noexcept;

/// Pids of the sessions whose transactions this one waits for, in a deferrable one, to have a safe snapshot
/// (10). Returns how many of them, `most` at most.
int safe_snapshot_blockers(int pid, int* pids, int most);

/// Are these entries of GetLockStatusData() one transaction's?
bool same_transaction(const LockInstanceData& a, const LockInstanceData& b) noexcept;

} // namespace sessionctl::compat
