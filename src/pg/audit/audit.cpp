#include "pg/audit/audit.hpp"

#include "core/length_of_time.hpp"
#include "pg/error.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "utils/lsyscache.h"
}

namespace sessionctl::pg {

namespace {

/// The values of $1, $2 ... as text, with commas between them.
core::string list_of(const Condition& condition) {
    core::string list;
    for (int i = 0; i < condition.arguments; ++i) {
        const char* const value = call([&condition, i]() -> const char* {
            if (condition.nulls[i] == 'n')
                return "NULL";
            Oid output;
            bool is_varlena;
            getTypeOutputInfo(condition.types[i], &output, &is_varlena);
            return OidOutputFunctionCall(output, condition.values[i]);
        });
        list.append(i > 0 ? "," : "");
        list.append(value);
    }
    return list;
}

/// When a call is interrupted, this holds for the sessions that it did not get to.
bool is_not_reached(const core::Target& target) noexcept {
    return target.outcome == core::Outcome::chosen || target.outcome == core::Outcome::not_reached;
}

bool was_acted_on(const core::Target& target) noexcept {
    return target.signalled_at != 0 && target.outcome != core::Outcome::already_gone &&
           !is_not_reached(target);
}

const char* role_name(Oid role) {
    return call([role] { return compat::role_name_or_null(role); });
}

const char* name_of(CountedAction counted) noexcept {
    static constexpr const char* names[call_count] = {"cancel", "terminate", "close_socket", "drain"};
    return names[static_cast<int>(counted)];
}

CountedAction counted_action_of(core::Step step) noexcept {
    static constexpr CountedAction counted[core::step_count] = {
        CountedAction::cancel, CountedAction::terminate, CountedAction::close_socket};
    return counted[static_cast<int>(step)];
}

/// The session has ended, or it was signalled and the call does not wait for its end.
bool has_succeeded(core::Outcome outcome) noexcept {
    return outcome == core::Outcome::terminated || outcome == core::Outcome::cancelled;
}

} // namespace

Audit::Audit(core::Action action, const core::Plan& plan, const Roster& roster, const CallEvidence& evidence,
             const Condition& condition, const char* reason)
    : action_(action), plan_(plan), roster_(roster), evidence_(evidence), written_(plan.size()) {
    const RosterEntry* const self = roster.find(MyProcPid);
    record_.by_session_user.set(role_name(GetSessionUserId()));
    record_.by_current_user.set(role_name(roster.viewer));
    record_.by_session_id.set(self != nullptr ? core::SessionId(self->facts.id).text : nullptr);
    record_.set_field(record_.condition, condition.text);
    if (condition.arguments > 0)
        record_.set_field(record_.args, list_of(condition).c_str());
    record_.set_field(record_.reason, reason);
    audit_mark_or_none(); // here, where a cancel still ends the wait for it
}

void Audit::set_cooldown(std::int64_t milliseconds) {
    if (milliseconds > 0)
        record_.cooldown.set(core::exact_time(static_cast<std::int32_t>(milliseconds)).c_str());
}

void Audit::write() noexcept {
    for (const core::Step step : core::all_steps)
        step_is_over(step);
    if (!std::exchange(is_over_, true))
        write_not_reached();
}

core::Step Audit::first_step() const noexcept {
    return action_ == core::Action::cancel || action_ == core::Action::escalate ? core::Step::cancel
                                                                                : core::Step::terminate;
}

void Audit::write_not_reached() noexcept {
    HOLD_INTERRUPTS(); // as in step_is_over()
    for (const core::Target& target : plan_)
        if (is_not_reached(target) && target.step(core::Step::cancel).at == 0 &&
            target.step(core::Step::terminate).at == 0)
            callback([&] { write(target, first_step(), core::Outcome::not_reached); });
    RESUME_INTERRUPTS();
}

void Audit::has_result(const core::Target& target) noexcept {
    HOLD_INTERRUPTS(); // as in step_is_over()
    for (const core::Step step : core::all_steps)
        write_once(target, step);
    RESUME_INTERRUPTS();
}

void Audit::step_is_over(core::Step step) noexcept {
    // ereport() would act on a pending cancel after the first line: the audit would be incomplete.
    HOLD_INTERRUPTS();
    for (const core::Target& target : plan_)
        write_once(target, step);
    RESUME_INTERRUPTS();
}

void Audit::write_once(const core::Target& target, core::Step step) noexcept {
    const core::EscalationStep taken = taken_on(target, step);
    bool& is_written = written_[&target - plan_.data()].steps[static_cast<int>(step)];
    if (taken.at == 0 || std::exchange(is_written, true))
        return;
    callback([&] {
        write(target, step, taken.outcome != core::Outcome::chosen ? taken.outcome : target.outcome);
    });
}

/// A call that is no escalation takes one step.
core::EscalationStep Audit::taken_on(const core::Target& target, core::Step step) const noexcept {
    if (action_ == core::Action::escalate)
        return target.step(step);
    return {step == first_step() && was_acted_on(target) ? target.signalled_at : 0, target.outcome};
}

void Audit::write(const core::Target& target, core::Step step, core::Outcome outcome) {
    const bool has_left = action_ == core::Action::drain && !target.is_forced;
    const CountedAction counted = has_left ? CountedAction::drain : counted_action_of(step);
    record_.action.set(name_of(counted));
    if (const RosterEntry* const entry = roster_.find(target.session.id.pid))
        record_.describe(*entry);
    else
        record_.describe(target.session.id);
    if (outcome != core::Outcome::not_reached)
        record_.evidence = evidence_.of(target.session.id.pid);
    record_.result.set(core::outcome_name(outcome));
    keep_record(record_);
    SharedMemory* const shared = shared_memory();
    if (shared != nullptr && outcome != core::Outcome::not_reached)
        shared->counter(counted).add(has_succeeded(outcome));
}

} // namespace sessionctl::pg
