// What the reaper does for sessions with a pg_sessionctl.blocker_patience: about those in their way that have
// a lower lock priority.
#pragma once

#include "core/locks/patience.hpp"
#include "pg/audit/evidence.hpp"
#include "worker/endings.hpp"
#include "worker/locks/live_blockers.hpp"

namespace sessionctl::worker {

class PatienceEnforcer {
  public:
    PatienceEnforcer(Endings& endings, const core::WaitStarts& starts) noexcept
        : endings_(endings), starts_(starts) {}

    void begin(core::Timestamp monotonic) noexcept {
        monitor_.begin(monotonic);
        ends_ = monotonic + core::PatienceMonitor::longest_look;
    }
    void check(const WaitingSessions& sessions, Standings& standings, const WaitingSession& waiting);
    /// The first session that had to be left to the next look; 0: none.
    std::int32_t first_postponed() const noexcept { return monitor_.first_postponed(); }
    /// Returns when to look again, on the monotonic clock.
    core::Timestamp finish() noexcept;

  private:
    void report(const WaitingSession& waiting, const core::PatienceStep& step) const;
    void take_all(const WaitingSessions& sessions, const WaitingSession& waiting,
                  const core::vector<core::PatienceStep>& steps);
    bool take(const WaitingSession& waiting, const pg::RosterEntry& waiter, BlockersNow& blockers,
              const core::PatienceStep& step, const core::Session& blocker);
    bool act(const WaitingSession& waiting, const pg::RosterEntry& waiter, BlockersNow& blockers,
             const core::PatienceStep& step, const core::Session& blocker);
    bool signal(const WaitingSession& waiting, BlockersNow& blockers, const core::PatienceStep& step,
                const core::Session& blocker, pg::AuditRecord& record);

    core::PatienceMonitor monitor_;
    core::Timestamp ends_ = 0; // the look at the latest, but for what it has begun
    Endings& endings_;
    const core::WaitStarts& starts_;
    pg::RecentLockWaits waits_; // for the audit
};

} // namespace sessionctl::worker
