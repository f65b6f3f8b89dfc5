// What the reaper does about a violation: exempt the session, log it, cancel its statement, terminate it, or
// ask it to end after its transaction; and the record of the outcome.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "worker/limit_end_requests.hpp"
#include "worker/limit_endings.hpp"

namespace sessionctl::worker {

class LimitEnforcer {
  public:
    /// Handles one violation, and reports to the monitor how.
    /// False if the session is to wait before its next commit until the next look.
    bool enforce(const core::LimitViolation& violation, core::LimitMonitor& monitor);
    /// After all sessions have been looked at: terminates those that were asked to end and are in no
    /// transaction, and withdraws the request from those without a violation in this look.
    void finish_look(core::LimitMonitor& monitor);
    /// Checks those that were signalled; returns when to check again, on the monotonic clock.
    core::Timestamp follow_up();
    /// The reaper exits: records those that are not yet proven ended.
    void finish() noexcept;

  private:
    void end(const core::LimitViolation& violation, pg::AuditRecord& record, core::LimitMonitor& monitor);

    LimitEndings endings_;
    LimitEndRequests requests_{endings_};
    pg::RecentLockWaits waits_;
};

} // namespace sessionctl::worker
