// What the reaper does for sessions with a pg_sessionctl.yield_after: while they wait for the lock of a table
// and keep others waiting, their statement is cancelled.
#pragma once

#include "core/locks/yield.hpp"
#include "pg/audit/evidence.hpp"
#include "worker/endings.hpp"
#include "worker/locks/waiting_sessions.hpp"

namespace sessionctl::worker {

/// Who waits only for another's request: found once for each lock in a look. Lives no longer than the
/// ScratchMemory that is the innermost.
class KeptWaiters {
  public:
    explicit KeptWaiters(const core::WaitGraph& graph);
    /// Of the lock that this one waits for.
    const core::vector<core::KeptWaiting>& of(const core::ProcLock& wait);

  private:
    struct OfLock {
        bool is_known = false;
        core::vector<core::KeptWaiting> kept;
    };

    const core::WaitGraph& graph_;
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
    void give_up(const WaitingSession& waiting, core::Timestamp waited);
    void log(const WaitingSession& waiting, pg::AuditRecord& record) noexcept;
    void cancel(const WaitingSession& waiting, core::Timestamp waited, pg::AuditRecord& record);

    core::YieldMonitor monitor_;
    Endings& endings_;
    const core::WaitStarts& starts_;
    pg::RecentLockWaits waits_; // for the audit
};

} // namespace sessionctl::worker
