// The sessions that the reaper has asked to end after their transactions.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "core/sessions/drained_session.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/sessions/drain_requesters.hpp"
#include "worker/endings.hpp"

namespace sessionctl::worker {

class LimitEndRequests {
  public:
    explicit LimitEndRequests(Endings& endings) noexcept : endings_(endings) {}

    /// Asks the session. Renewed at each look: the limit and the client message may have changed.
    void renew(const core::LimitViolation& violation, const pg::RosterEntry& entry,
               pg::RecentLockWaits& waits);
    /// After all sessions have been looked at: terminates those that were asked to end and are in no
    /// transaction, and withdraws the request from those without a violation in this look.
    void finish_look(core::LimitMonitor& monitor);
    /// The reaper exits: records those that end.
    void finish() noexcept;

  private:
    struct Request {
        core::Target target;
        core::DrainedSession asked;
        core::Rule rule;
        bool is_wanted; // by the present look
        pg::AuditRecord record;
    };

    /// True when the request is over: the session ends, is gone, or may stay.
    bool settle(Request& request, core::LimitMonitor& monitor);

    Endings& endings_;
    core::vector<Request> requests_;
    pg::LastingRequests requester_{pg::LastingRequester::reaper};
};

} // namespace sessionctl::worker
