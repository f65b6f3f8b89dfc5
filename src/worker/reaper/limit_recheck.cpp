#include "worker/reaper/limit_recheck.hpp"

#include "pg/clients/client_presence.hpp"
#include "pg/clients/inactivity.hpp"
#include "pg/sessions/session_table.hpp"

namespace sessionctl::worker {

core::Recheck recheck_of(const core::LimitViolation& violation) noexcept {
    if (core::is_for_unread_notifications(violation))
        return core::Recheck::idleness;
    switch (violation.rule) {
    case core::Rule::transaction:
        return core::Recheck::transaction;
    case core::Rule::client_silence:
    case core::Rule::statement:
        return core::Recheck::statement;
    case core::Rule::client_gone:
        return core::Recheck::identity;
    default:
        return core::Recheck::idleness;
    }
}

bool RecheckingServer::spares(const core::Session& session) {
    if (BeforeCommit::spares(session) ||
        (violation_.is_cancel && has_ended_statement(session, transaction())))
        return true;
    if (violation_.rule == core::Rule::client_gone)
        return pg::client_presence_of(session.id.pid, pg::client_of(session)) != pg::ClientPresence::gone;
    if (core::is_for_silence(violation_))
        return !is_still_silent(session);
    return recheck_of(violation_) == core::Recheck::idleness && pg::is_runnable(session.id.pid);
}

/// The next statement of the transaction may have begun.
bool RecheckingServer::is_changed() {
    return core::outcome_of_recheck(recheck_of(violation_), pinned(), look(pinned())) !=
           core::Outcome::chosen;
}

bool RecheckingServer::is_still_silent(const core::Session& session) const noexcept {
    const core::Inactivity now = pg::inactivity_of(session);
    return now.is_asleep && now.switches == violation_.switches &&
           pg::client_wait_of(session) != pg::ClientWait::none;
}

} // namespace sessionctl::worker
