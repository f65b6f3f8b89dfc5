// One line in the server log for every session acted on.
#pragma once

#include "core/sessions/escalation.hpp"
#include "pg/account/audit_record.hpp"
#include "pg/condition/condition.hpp"

namespace sessionctl::pg {

/// The audit of one call. A line is written when its result is known, each one once; if the call is cancelled
/// or its session ended before, what was signalled until then is written all the same.
class Audit final : public core::StepObserver {
  public:
    /// The condition belongs to the line; the reason may be null.
    Audit(core::Action action, const core::Plan& plan, const Roster& roster, const CallEvidence& evidence,
          const Condition& condition, const char* reason);

    /// In ms; 0: none.
    void set_cooldown(std::int64_t milliseconds);

    /// Writes one line for each session that was signalled, that the operating system did not let us signal,
    /// or whose turn did not come; of an escalation one for each step that was taken. Not those that are
    /// written already.
    void write() noexcept;
    /// Those of this session.
    void has_result(const core::Target& target) noexcept override;
    /// Those of this step of an escalation.
    void step_is_over(core::Step step) noexcept override;

  private:
    core::Step first_step() const noexcept;
    void write_not_reached() noexcept;
    void write_once(const core::Target& target, core::Step step) noexcept;
    core::EscalationStep taken_on(const core::Target& target, core::Step step) const noexcept;
    void write(const core::Target& target, core::Step step, core::Outcome outcome);

    const core::Action action_;
    const core::Plan& plan_;
    const Roster& roster_;
    const CallEvidence& evidence_;
    AuditRecord record_ = {}; // the caller's part of it
    struct Written {
        bool steps[core::step_count];
    };
    core::vector<Written> written_; // by the plan's order
    bool is_over_ = false;
};

} // namespace sessionctl::pg
