// What the reaper does about a violation: exempt the session, log it, cancel its statement, terminate it, or
// ask it to end after its transaction; and the record of the outcome.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "core/sessions/drain.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/sessions/drain_request.hpp"

namespace sessionctl::worker {

class LimitEnforcer {
  public:
    /// Handles one violation, and reports to the monitor how.
    void enforce(const core::LimitViolation& violation, core::LimitMonitor& monitor);

    /// After all sessions have been looked at: terminates those that were asked to end and are in no
    /// transaction, and withdraws the request from those without a violation in this look.
    void finish_look(core::LimitMonitor& monitor);

    /// Checks those that were signalled; returns when to check again, on the monotonic clock.
    core::Timestamp follow_up();
    /// The reaper exits: records those that are not yet proven ended.
    void finish() noexcept;

  private:
    /// A signalled session or statement.
    struct Ending {
        core::Session session;
        core::Rule rule;
        bool is_cancel;
        core::Timestamp signalled_at;
        pg::AuditRecord record;
    };

    /// A session that is asked to end.
    struct Request {
        core::Target target;
        core::DrainedSession asked;
        core::Rule rule;
        bool is_wanted; // by the present look
        pg::AuditRecord record;
    };

    void ask_to_end(const core::LimitViolation& violation, const pg::RosterEntry& entry);
    bool settle(Request& request, core::LimitMonitor& monitor);
    void give_up_cancel_of(const core::Session& session);
    void end(const core::LimitViolation& violation, pg::AuditRecord& record, core::LimitMonitor& monitor);
    bool settle(Ending& ending, core::Timestamp longest_wait, core::Outcome otherwise) noexcept;
    static void record_outcome(Ending& ending, core::Outcome outcome) noexcept;

    core::vector<Request> requests_;
    core::vector<Ending> endings_;
    pg::LastingRequests requester_{pg::LastingRequester::reaper};
    pg::RecentLockWaits waits_;
};

} // namespace sessionctl::worker
