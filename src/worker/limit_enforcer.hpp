// What the reaper does with a session over its limit: leave it alone, tell of it, end it, or its statement,
// or ask it to end after its transaction, and see it gone.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "core/sessions/drain.hpp"
#include "pg/account/audit_record.hpp"
#include "pg/sessions/drain_request.hpp"

namespace sessionctl::worker {

class LimitEnforcer {
  public:
    /// Deals with one violation, and lets the monitor know how.
    void enforce(const core::LimitViolation& violation, core::LimitMonitor& monitor);

    /// All sessions have been looked at: of those that are asked to leave, who is in no transaction is ended,
    /// and who has not violated this time is asked no more.
    void finish_look(core::LimitMonitor& monitor);

    /// Looks after those that were sent a signal; returns when to look again, on the monotonic clock.
    core::Timestamp follow_up();
    /// The reaper leaves: nobody looks after them any more, but the audit tells of them.
    void finish() noexcept;

  private:
    /// A session on its way out, or its statement.
    struct Ending {
        core::Session session;
        core::Rule rule;
        bool is_cancel;
        core::Timestamp signalled_at;
        pg::AuditRecord record;
    };

    /// A session that is asked to leave.
    struct Request {
        core::Target target;
        core::DrainedSession asked;
        core::Rule rule;
        bool is_wanted; // by the look under way
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
    pg::LastingRequests asker_;
    pg::RecentLockWaits waits_;
};

} // namespace sessionctl::worker
