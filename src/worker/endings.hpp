// Sessions and statements that the reaper has signalled: their end is waited for, recorded and counted.
#pragma once

#include "pg/audit/audit_record.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::worker {

struct Ending {
    core::Session session;
    pg::CountedAction counted;
    core::Rule rule; // where the count is by rule
    bool is_cancel;
    core::Timestamp signalled_at; // monotonic
    pg::AuditRecord record;
    bool is_only_logged = false; // and not kept in session_audit
};

class Endings {
  public:
    void add(const Ending& ending);
    /// Was it sent SIGTERM, or for a cancel, is this statement of it being cancelled?
    bool is_under_way(const core::Session& session, bool is_cancel) const noexcept;
    /// The session is terminated: the end of its statement is not an effect of the cancel.
    void give_up_cancel_of(const core::Session& session);

    /// Checks all of them; returns when to check again, on the monotonic clock.
    core::Timestamp follow_up();
    /// The reaper exits: records those that are not yet proven ended.
    void finish() noexcept;
    /// The same for one that was not added.
    static void finish(Ending& ending) noexcept;

  private:
    core::vector<Ending> endings_;
};

} // namespace sessionctl::worker
