// The server's lock table, on every version.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/wait_graph.hpp"

extern "C" {
#include "storage/lock.h"
#include "storage/lwlock.h"
}

namespace sessionctl::compat {

/// The target for a copy of the lock table's waits; entries that do not fit are counted, too.
template <typename T>
struct CopyBuffer {
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

struct WaitBuffers {
    CopyBuffer<core::ProcLock>
        proclocks; // lock by lock, waiters first, from the end of the queue to its front
    CopyBuffer<LOCKTAG> locks;
    CopyBuffer<core::ParallelWorker> workers;
};

/// Holds the lock table, shared, all partitions in core's order: nobody gets a lock, or leaves the queue for
/// one. False where it would have to wait, and must not.
class LockTableHeld {
  public:
    explicit LockTableHeld(bool may_wait);
    ~LockTableHeld();
    LockTableHeld(const LockTableHeld&) = delete;
    LockTableHeld& operator=(const LockTableHeld&) = delete;

    explicit operator bool() const noexcept { return count_ == NUM_LOCK_PARTITIONS; }

  private:
    int count_ = 0;
};

/// All locks with waiters, as they are at one moment. Raises nothing and allocates nothing while it holds the
/// lock table's locks: copies fewer entries than GetLockStatusData(), and holds them no longer. False where
/// it would have to wait for them, and must not.
bool copy_lock_waits(WaitBuffers& room, bool may_wait);

/// The processes that wait for this lock in this mode, `most` at most; returns how many. Waits for that part
/// of the lock table alone.
int waiters_for(const LOCKTAG& tag, LOCKMODE mode, int* pids, int most);

/// While it lives, nobody joins or leaves the queue of this lock. Raise nothing and allocate nothing
/// meanwhile.
class LockHeld {
  public:
    explicit LockHeld(const LOCKTAG& lock);
    ~LockHeld();
    LockHeld(const LockHeld&) = delete;
    LockHeld& operator=(const LockHeld&) = delete;
    /// Its entries, the waiters first; none if nobody waits.
    void copy(CopyBuffer<core::ProcLock>& room) const noexcept;
    /// Does one of its processes wait for it?
    bool is_awaited_by(const core::Party& party) const noexcept;

  private:
    const LOCKTAG lock_;
    LWLock* const partition_;
};

/// As pg_locks.locktype names it.
const char* lock_type_name(const LOCKTAG& tag) noexcept;

/// "ShareLock"
const char* lock_mode_name(const LOCKTAG& tag, LOCKMODE mode) noexcept;

/// Pids of the sessions whose transactions a deferrable one waits for, to get a safe snapshot (10). Returns
/// their number, `most` at most.
int safe_snapshot_blockers(int pid, int* pids, int most);

/// Are these entries of GetLockStatusData() of one transaction?
bool same_transaction(const LockInstanceData& a, const LockInstanceData& b) noexcept;

} // namespace sessionctl::compat
