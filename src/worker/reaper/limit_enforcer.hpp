// What the reaper does about a violation: exempt the session, log it, cancel its statement, terminate it, or
// ask it to end after its transaction; and the record of the outcome.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "worker/reaper/limit_end_requests.hpp"

namespace sessionctl::worker {

class LimitEnforcer {
  public:
    explicit LimitEnforcer(Endings& endings) noexcept : endings_(endings), requests_(endings) {}

    /// Handles one violation, and reports to the monitor how.
    /// False if the session is to wait before its next commit until the next look.
    bool enforce(const core::LimitViolation& violation, core::LimitMonitor& monitor);
    /// After all sessions have been looked at: terminates those that were asked to end and are in no
    /// transaction, and withdraws the request from those without a violation in this look.
    void finish_look(core::LimitMonitor& monitor);
    /// The reaper exits: records those that were asked to end and did.
    void finish() noexcept;

  private:
    void end(const core::LimitViolation& violation, pg::AuditRecord& record, core::LimitMonitor& monitor);

    Endings& endings_;
    LimitEndRequests requests_;
    pg::RecentLockWaits waits_;
};

} // namespace sessionctl::worker
