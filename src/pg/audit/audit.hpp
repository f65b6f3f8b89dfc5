// One line in the server log for every session acted on.
#pragma once

#include "core/sessions/escalation.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/condition/condition.hpp"

namespace sessionctl::pg {

/// The audit of one call. Each line is written once, when its result is known. If the call is cancelled or
/// its session terminated first, the sessions signalled until then still get their lines.
class Audit final : public core::StepObserver {
  public:
    /// The condition belongs to the line; the reason may be null.
    Audit(core::Action action, const core::Plan& plan, const Roster& roster, const CallEvidence& evidence,
          const Condition& condition, const char* reason);

    /// In ms; 0: none.
    void set_cooldown(std::int64_t milliseconds);

    /// Writes a line for each session that was signalled, that could not be signalled, or that the call did
    /// not get to; for an escalation, one for each step taken. Lines that are written already are left out.
    void write() noexcept;
    /// The lines of this session.
    void has_result(const core::Target& target) noexcept override;
    /// The lines of this step of an escalation.
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
    AuditRecord record_ = {}; // the fields about the caller
    struct Written {
        bool steps[core::step_count];
    };
    core::vector<Written> written_; // by the plan's order
    bool is_over_ = false;
};

} // namespace sessionctl::pg
