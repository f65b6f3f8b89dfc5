// One look at the sessions that wait for locks.
#pragma once

#include "core/locks/lock_priority.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::worker {

class WaitingSessions {
  public:
    /// Lives no longer than the ScratchMemory that is the innermost. Errors: PgError.
    WaitingSessions();

    const core::WaitGraph& graph() const noexcept { return waits_.graph(); }
    const LOCKTAG& lock_of(const core::ProcLock& proclock) const { return waits_.lock_of(proclock); }
    /// Null: it is not in the session table.
    const core::Session* find(int pid) const noexcept;
    const core::Session* session_of(int party) const noexcept { return find(graph().party(party).pid); }
    /// What this entry, of a process that waits, is known by.
    core::LockWait wait_of(const core::ProcLock& waiter) const;
    core::vector<core::LockWait> all_waits() const;

  private:
    core::vector<core::Session> sessions_; // by pid
    const pg::LockWaits& waits_;
};

/// A session that waits, or whose parallel worker does.
struct WaitingSession {
    int party;
    const core::Session& session;
    const core::ProcLock& proclock;
    const LOCKTAG& lock;
    core::LockSettings settings;
    core::LockWait wait;
    core::WaitStart start;
};
/// None: it does not wait, or is no login's.
std::optional<WaitingSession> waiting_session(const WaitingSessions& sessions, const core::WaitStarts& starts,
                                              int party);

/// What this party waits for first; null: nothing.
const core::ProcLock* first_wait_of(const core::WaitGraph& graph, int party);

/// As it is now, with names and rights; none: it is gone. Errors: PgError.
std::optional<pg::RosterEntry> entry_of(const core::Session& session);

} // namespace sessionctl::worker
