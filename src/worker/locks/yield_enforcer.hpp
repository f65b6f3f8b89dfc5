// What the reaper does for sessions with a pg_sessionctl.yield_after: while they wait for the lock of a table
// and keep others waiting, their statement is cancelled.
#pragma once

#include "core/locks/yield.hpp"
#include "pg/audit/evidence.hpp"
#include "worker/endings.hpp"
#include "worker/locks/waiting_sessions.hpp"

namespace sessionctl::worker {

/// Who waits only for requests of sessions that yield: found once for each lock in a look. Lives no longer
/// than the ScratchMemory that is the innermost.
class KeptWaiters {
  public:
    explicit KeptWaiters(const WaitingSessions& sessions);
    /// Of the lock that this one waits for.
    const core::vector<core::KeptWaiting>& of(const core::ProcLock& wait);
    /// In their order.
    const core::vector<core::Party>& yielding() const noexcept { return yielding_; }

  private:
    struct OfLock {
        bool is_known = false;
        core::vector<core::KeptWaiting> kept;
    };

    const core::WaitGraph& graph_;
    core::vector<core::Party> yielding_;
    core::vector<OfLock> of_lock_; // by number
};

class YieldEnforcer {
  public:
    YieldEnforcer(Endings& endings, const core::WaitStarts& starts) noexcept
        : endings_(endings), starts_(starts) {}

    void begin(core::Timestamp monotonic) noexcept { monitor_.begin(monotonic); }
    void check(const WaitingSessions& sessions, KeptWaiters& kept, const WaitingSession& waiting);
    /// Returns when to look again, on the monotonic clock.
    core::Timestamp finish() noexcept;

  private:
    core::Timestamp since(const WaitingSessions& sessions, core::KeptRange kept) const;
    void give_up(const WaitingSession& waiting, const core::vector<core::Party>& yielding,
                 core::Timestamp waited);
    void log(const WaitingSession& waiting, pg::AuditRecord& record) noexcept;
    void cancel(const WaitingSession& waiting, const core::vector<core::Party>& yielding,
                core::Timestamp waited, pg::AuditRecord& record);

    core::YieldMonitor monitor_;
    Endings& endings_;
    const core::WaitStarts& starts_;
    pg::RecentLockWaits waits_; // for the audit
};

} // namespace sessionctl::worker
