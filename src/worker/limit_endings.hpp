// The sessions and statements that the reaper has signalled, until they have ended: the record of each
// outcome.
#pragma once

#include "core/reaper/limits.hpp"
#include "core/sessions/plan.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::worker {

/// A signalled session or statement.
struct LimitEnding {
    core::Session session;
    core::Rule rule;
    bool is_cancel;
    core::Timestamp signalled_at;
    pg::AuditRecord record;

    /// Records the outcome and returns true when it has ended, or has been waited for that long.
    bool settle(core::Timestamp longest_wait, core::Outcome otherwise) noexcept;
    void record_outcome(core::Outcome outcome) noexcept;
};

class LimitEndings {
  public:
    void add(const LimitEnding& ending);
    /// The session is terminated: the end of its statement is not an effect of the cancel.
    void give_up_cancel_of(const core::Session& session);
    /// Checks them; returns when to check again, on the monotonic clock.
    core::Timestamp follow_up();
    /// The reaper exits: records those that are not yet proven ended.
    void finish() noexcept;

  private:
    core::vector<LimitEnding> endings_;
};

/// In the statistics.
void count(pg::CountedAction counted, core::Rule rule, bool has_ended) noexcept;

} // namespace sessionctl::worker
