// What the reaper does with a session over its limit: leave it alone, tell of it, or end it, or its
// statement, and see it gone.
#pragma once

#include "core/watch.hpp"
#include "pg/audit_record.hpp"

namespace sessionctl::worker {

class Judgement {
  public:
    /// Deals with one offence, and lets the watch know how.
    void pass(const core::Offence& offence, core::Watch& watch);

    /// Looks after those that were sent a signal; returns when to look again, on the monotonic clock.
    core::Timestamp follow_up();
    /// The reaper leaves: nobody looks after them any more, but the audit tells of them.
    void conclude() noexcept;

  private:
    /// A session on its way out, or its statement.
    struct Ending {
        core::Session session;
        core::Rule rule;
        bool is_cancel;
        core::Timestamp signalled_at;
        pg::AuditRecord record;
    };

    void give_up_cancel_of(const core::Session& session);
    void end(const core::Offence& offence, pg::AuditRecord& record, core::Watch& watch);
    bool settle(Ending& ending, core::Timestamp longest_wait, core::Outcome otherwise) noexcept;
    static void tell(Ending& ending, core::Outcome outcome) noexcept;

    core::vector<Ending> endings_;
    pg::RecentLockWaits waits_;
};

} // namespace sessionctl::worker
