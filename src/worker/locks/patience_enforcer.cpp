#include "worker/locks/patience_enforcer.hpp"

#include "core/length_of_time.hpp"
#include "core/sessions/signal_and_prove.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "worker/locks/live_blockers.hpp"

namespace sessionctl::worker {

namespace {

core::vector<core::Blocker> blockers_of(const WaitingSessions& sessions, const WaitingSession& waiting,
                                        Oid waiting_role) {
    pg::CatalogScope catalogs;
    LiveBlockers facts(sessions, waiting_role);
    core::vector<core::Blocker> blockers =
        core::blockers_to_give_way(sessions.graph(), waiting.party, waiting.settings, facts);
    catalogs.leave();
    return blockers;
}

core::Recheck recheck_of(const core::PatienceStep& step, const core::Session& blocker) noexcept {
    if (step.kind == core::StepKind::cancel)
        return core::Recheck::statement;
    return blocker.xact_start == 0 ? core::Recheck::idleness : core::Recheck::transaction;
}

pg::ClientMessage client_message_of(const core::PatienceStep& step, const core::LockSettings& settings) {
    pg::ClientMessage message = {};
    std::snprintf(message.detail, sizeof message.detail, "%s", core::detail_of(step, settings).c_str());
    std::snprintf(message.hint, sizeof message.hint, "%s", core::hint_of(step));
    return message;
}

void count_blocker_log() noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(pg::CountedAction::blocker_log).add(false);
}

} // namespace

void PatienceEnforcer::check(const WaitingSessions& sessions, const WaitingSession& waiting) {
    if (waiting.settings.patience <= 0)
        return;
    const std::optional<pg::RosterEntry> waiter = entry_of(waiting.session);
    if (!waiter)
        return;
    const core::vector<core::Blocker> blockers = blockers_of(sessions, waiting, waiter->role);
    const core::vector<core::PatienceStep> steps = [&] {
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        return monitor_.check(waiting.wait, waiting.settings, blockers);
    }();
    for (const core::PatienceStep& step : steps)
        if (step.kind == core::StepKind::report)
            report(waiting, step);
        else if (const core::Session* const blocker = sessions.find(step.blocker.id.pid))
            take(waiting, *waiter, step, *blocker);
}

core::Timestamp PatienceEnforcer::finish() noexcept {
    monitor_.finish();
    return monitor_.next_look();
}

void PatienceEnforcer::report(const WaitingSession& waiting, const core::PatienceStep& step) const {
    const core::Blocker& blocker = step.blocker;
    char who[64];
    std::snprintf(who, sizeof who,
                  blocker.obstacle == core::Obstacle::prepared ? "Prepared transaction %u" : "Session %d",
                  blocker.obstacle == core::Obstacle::prepared ? static_cast<int>(blocker.id.start)
                                                               : blocker.id.pid);
    const core::string waited = core::length_of_time(step.waited);
    const int level = blocker.obstacle == core::Obstacle::not_permitted ? WARNING : LOG;
    const int pid = waiting.session.id.pid;
    pg::call([&] {
        ereport(level, (errmsg("pg_sessionctl: session %d has waited for a lock for %s, and nobody gives way",
                               pid, waited.c_str()),
                        errdetail("%s is in its way: %s.", who, core::obstacle_text(blocker.obstacle))));
    });
}

void PatienceEnforcer::take(const WaitingSession& waiting, const pg::RosterEntry& waiter,
                            const core::PatienceStep& step, const core::Session& blocker) {
    if (endings_.is_under_way(blocker, step.kind == core::StepKind::cancel))
        return;
    const std::optional<pg::RosterEntry> entry = entry_of(blocker);
    if (!entry)
        return;
    pg::AuditRecord record = {};
    record.describe(*entry);
    record.by_session_user.set(waiter.role_facts.name);
    record.by_session_id.set(core::SessionId(waiting.session.id).text);
    record.rule.set("blocker_patience");
    record.set_field(record.reason, core::detail_of(step, waiting.settings).c_str());
    record.evidence = pg::evidence_of(*entry, waits_);
    if (act(waiting, step, blocker, record))
        monitor_.taken(waiting.wait, step);
}

/// False: the blocker has changed just before the signal.
bool PatienceEnforcer::act(const WaitingSession& waiting, const core::PatienceStep& step,
                           const core::Session& blocker, pg::AuditRecord& record) {
    if (step.kind != core::StepKind::log)
        return signal(waiting, step, blocker, record);
    record.action.set("log");
    record.result.set("spared");
    record.mark.set(pg::audit_mark_or_none());
    record.log(); // any role may set a patience: no room in session_audit for this
    count_blocker_log();
    return true;
}

bool PatienceEnforcer::signal(const WaitingSession& waiting, const core::PatienceStep& step,
                              const core::Session& blocker, pg::AuditRecord& record) {
    const bool is_cancel = step.kind == core::StepKind::cancel;
    const pg::ClientMessage message = client_message_of(step, waiting.settings);
    core::Target target = {};
    target.session = blocker;
    BlockerServer server(message, waiting);
    core::signal_one(target, is_cancel ? core::Action::cancel : core::Action::terminate,
                     recheck_of(step, blocker), server);
    if (target.outcome != core::Outcome::signalled)
        return target.outcome == core::Outcome::denied;
    if (!is_cancel)
        endings_.give_up_cancel_of(blocker);
    record.action.set(is_cancel ? "cancel" : "terminate");
    endings_.add({blocker,
                  is_cancel ? pg::CountedAction::blocker_cancel : pg::CountedAction::blocker_terminate,
                  {},
                  is_cancel,
                  target.signalled_at,
                  record});
    return true;
}

} // namespace sessionctl::worker
