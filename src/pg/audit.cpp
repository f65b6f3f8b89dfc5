#include "pg/audit.hpp"

#include "core/offence_text.hpp"
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

bool was_acted_on(const core::Target& target) noexcept {
    return target.signalled_at != 0 && target.outcome != core::Outcome::already_gone;
}

const char* role_name(Oid role) {
    return call([role] { return compat::role_name_or_null(role); });
}

/// Ended for good, or signalled without waiting for the end.
bool has_succeeded(core::Outcome outcome) noexcept {
    return outcome == core::Outcome::terminated || outcome == core::Outcome::cancelled;
}

} // namespace

Audit::Audit(core::Action action, const core::Plan& plan, const Roster& roster, const Condition& condition,
             const char* reason)
    : is_cancel_(action == core::Action::cancel), plan_(plan), roster_(roster) {
    const RosterEntry* const self = roster.find(MyProcPid);
    record_.action.set(is_cancel_ ? "cancel" : "terminate");
    record_.by_session_user.set(role_name(GetSessionUserId()));
    record_.by_current_user.set(role_name(GetUserId()));
    record_.by_session_id.set(self != nullptr ? core::SessionId(self->facts.id).text : nullptr);
    record_.set_field(record_.condition, condition.text);
    if (condition.arguments > 0)
        record_.set_field(record_.args, list_of(condition).c_str());
    record_.set_field(record_.reason, reason);
}

void Audit::set_cooldown(std::int64_t milliseconds) {
    if (milliseconds > 0)
        record_.cooldown.set(core::exact_time(static_cast<std::int32_t>(milliseconds)).c_str());
}

void Audit::write() noexcept {
    if (std::exchange(written_, true))
        return;
    // A cancel that is pending must not break off the audit: ereport() would act on it after the first line.
    HOLD_INTERRUPTS();
    callback([this] {
        for (const core::Target& target : plan_)
            if (was_acted_on(target))
                write(target);
    });
    RESUME_INTERRUPTS();
}

void Audit::write(const core::Target& target) {
    record_.describe(*roster_.find(target.session.id.pid));
    record_.result.set(core::outcome_name(target.outcome));
    keep_record(record_);
    if (SharedMemory* const shared = shared_memory())
        shared->counter(is_cancel_ ? Deed::cancel : Deed::terminate).add(has_succeeded(target.outcome));
}

} // namespace sessionctl::pg
