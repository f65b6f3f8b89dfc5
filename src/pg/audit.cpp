#include "pg/audit.hpp"

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

/// A drain that was broken off leaves those alone whom it had not ended yet.
bool was_acted_on(const core::Target& target) noexcept {
    return target.signalled_at != 0 && target.outcome != core::Outcome::already_gone &&
           target.outcome != core::Outcome::chosen;
}

Deed deed_of(core::Action action, const core::Target& target) noexcept {
    if (action == core::Action::cancel)
        return Deed::cancel;
    return action == core::Action::drain && !target.is_forced ? Deed::drain : Deed::terminate;
}

const char* deed_name(Deed deed) noexcept {
    switch (deed) {
    case Deed::cancel:
        return "cancel";
    case Deed::drain:
        return "drain";
    default:
        return "terminate";
    }
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
    : action_(action), plan_(plan), roster_(roster) {
    const RosterEntry* const self = roster.find(MyProcPid);
    record_.by_session_user.set(role_name(GetSessionUserId()));
    record_.by_current_user.set(role_name(GetUserId()));
    record_.by_session_id.set(self != nullptr ? core::SessionId(self->facts.id).text : nullptr);
    record_.set_field(record_.condition, condition.text);
    if (condition.arguments > 0)
        record_.set_field(record_.args, list_of(condition).c_str());
    record_.set_field(record_.reason, reason);
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
    const Deed deed = deed_of(action_, target);
    record_.describe(*roster_.find(target.session.id.pid));
    record_.action.set(deed_name(deed));
    record_.result.set(core::outcome_name(target.outcome));
    keep_record(record_);
    if (SharedMemory* const shared = shared_memory())
        shared->counter(deed).add(has_succeeded(target.outcome));
}

} // namespace sessionctl::pg
