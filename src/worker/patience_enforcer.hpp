// What the reaper does for sessions with a pg_sessionctl.blocker_patience: about those in their way that have
// a lower lock priority.
#pragma once

#include "core/locks/patience.hpp"
#include "pg/audit/evidence.hpp"
#include "worker/endings.hpp"

namespace sessionctl::worker {

class PatienceEnforcer {
  public:
    explicit PatienceEnforcer(Endings& endings) noexcept : endings_(endings) {}

    /// Looks at the waits of sessions with a patience; returns when to look again, on the monotonic clock.
    core::Timestamp look();

  private:
    struct Waiter;

    core::Timestamp next_look();
    void look_at_waits();
    void take(const Waiter& waiter, const core::PatienceStep& step, const core::Session& blocker);
    void report(const Waiter& waiter, const core::PatienceStep& step) const;
    bool act(const Waiter& waiter, const core::PatienceStep& step, const core::Session& blocker,
             pg::AuditRecord& record);

    core::PatienceMonitor monitor_;
    Endings& endings_;
    pg::RecentLockWaits waits_; // for the audit
};

} // namespace sessionctl::worker
