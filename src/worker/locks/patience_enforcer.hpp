// What the reaper does for sessions with a pg_sessionctl.blocker_patience: about those in their way that have
// a lower lock priority.
#pragma once

#include "core/locks/patience.hpp"
#include "pg/audit/evidence.hpp"
#include "worker/endings.hpp"
#include "worker/locks/waiting_sessions.hpp"

namespace sessionctl::worker {

class PatienceEnforcer {
  public:
    explicit PatienceEnforcer(Endings& endings) noexcept : endings_(endings) {}

    void begin(core::Timestamp monotonic, core::Timestamp wall) noexcept { monitor_.begin(monotonic, wall); }
    void check(const WaitingSessions& sessions, const WaitingSession& waiting);
    /// Returns when to look again, on the monotonic clock.
    core::Timestamp finish() noexcept;

  private:
    void report(const WaitingSession& waiting, const core::PatienceStep& step) const;
    void take(const WaitingSession& waiting, const pg::RosterEntry& waiter, const core::PatienceStep& step,
              const core::Session& blocker);
    bool act(const WaitingSession& waiting, const core::PatienceStep& step, const core::Session& blocker,
             pg::AuditRecord& record);
    bool signal(const WaitingSession& waiting, const core::PatienceStep& step, const core::Session& blocker,
                pg::AuditRecord& record);

    core::PatienceMonitor monitor_;
    Endings& endings_;
    pg::RecentLockWaits waits_; // for the audit
};

} // namespace sessionctl::worker
