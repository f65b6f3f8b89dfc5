// Who waits for whom, from the server's lock table.
#pragma once

#include "compat/locks.hpp"
#include "core/locks/wait_graph.hpp"
#include "core/memory.hpp"
#include "pg/locks/lockless_waits.hpp"

namespace sessionctl::pg {

/// The waits at one moment. Lives in the memory context that was current when it was taken.
class LockWaits {
  public:
    /// In the memory of the innermost MemoryScope or ScratchMemory. Errors: PgError.
    static LockWaits* take();
    /// Those for no lock as well, where the blockers are known for sure: to be shown, nobody is acted on for
    /// them.
    static LockWaits* take_with(const core::vector<LocklessWait>& others);

    const core::WaitGraph& graph() const noexcept { return graph_; }
    /// Of a proclock in a lock.
    const LOCKTAG& lock_of(const core::ProcLock& proclock) const { return locks_[proclock.lock]; }
    /// The locks in words, by number.
    core::vector<const char*> lock_texts() const;

    /// Sessions that wait behind this one, directly or not; each once, parallel workers as their leader.
    int waiting_behind(int pid) const;
    /// Whom the session waits for in which this process works, as pg_blocking_pids() tells, each once; 0
    /// stands for prepared transactions.
    core::vector<int> blocked_by(int pid) const;

  private:
    LockWaits(core::WaitGraph graph, core::vector<LOCKTAG> locks)
        : graph_(std::move(graph)), locks_(std::move(locks)), memory_(CurrentMemoryContext) {}

    core::WaitGraph graph_;
    core::vector<LOCKTAG> locks_; // by number
    MemoryContext memory_;
};

/// Process IDs of these parties, prepared transactions left out.
core::vector<int> pids_of(const core::WaitGraph& graph, const core::vector<int>& parties);

} // namespace sessionctl::pg
