// Which session waits for which, from the server's lock table.
#pragma once

#include "compat/locks.hpp"
#include "core/locks/wait_graph.hpp"
#include "core/memory.hpp"
#include "pg/locks/non_lock_waits.hpp"

namespace sessionctl::pg {

/// The waits at one moment. Lives in the memory context that was current when it was taken.
class LockWaits {
  public:
    /// In the memory of the innermost MemoryScope or ScratchMemory. Errors: PgError.
    static LockWaits* take();
    /// Null where the server's lock table is in use at this moment, as by processes that exit.
    static LockWaits* take_if_free();
    /// Includes waits for no lock whose blockers are known for sure. For display: no session is acted on for
    /// those.
    static LockWaits* take_with(const core::vector<NonLockWait>& others);

    const core::WaitGraph& graph() const noexcept { return graph_; }
    /// The lock that this entry is for.
    const LOCKTAG& lock_of(const core::ProcLock& proclock) const { return locks_[proclock.lock]; }
    /// The locks as texts, by number.
    core::vector<const char*> lock_texts() const;

    /// Sessions that wait behind this one, directly or not; each once, parallel workers as their leader.
    int waiting_behind(int pid) const;
    /// The sessions that this process's session waits for, as pg_blocking_pids() returns them, each once; 0
    /// stands for prepared transactions.
    core::vector<int> blocked_by(int pid) const;

  private:
    static LockWaits* take(const core::vector<NonLockWait>& others, bool may_wait);
    LockWaits(core::WaitGraph graph, core::vector<LOCKTAG> locks)
        : graph_(std::move(graph)), locks_(std::move(locks)), memory_(CurrentMemoryContext) {}

    core::WaitGraph graph_;
    core::vector<LOCKTAG> locks_; // by number
    MemoryContext memory_;
};

/// Process IDs of these parties, without prepared transactions.
core::vector<int> pids_of(const core::WaitGraph& graph, const core::vector<int>& parties);

} // namespace sessionctl::pg
