// One line in the server log for every session acted on.
#pragma once

#include "core/plan.hpp"
#include "pg/audit_record.hpp"
#include "pg/condition.hpp"

namespace sessionctl::pg {

/// The audit of one call. Lines are written when the call has its results; if the call is cancelled or its
/// session ended before, what was signalled until then is written all the same.
class Audit {
  public:
    /// The condition belongs to the line; the reason may be null.
    Audit(core::Action action, const core::Plan& plan, const Roster& roster, const Condition& condition,
          const char* reason);

    /// Writes one line for each session that was signalled, or that the operating system did not let us
    /// signal.
    void write() noexcept;

  private:
    void write(const core::Target& target);

    const core::Action action_;
    const core::Plan& plan_;
    const Roster& roster_;
    AuditRecord record_ = {}; // the caller's part of it
    bool written_ = false;
};

} // namespace sessionctl::pg
