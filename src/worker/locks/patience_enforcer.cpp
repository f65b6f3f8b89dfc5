#include "worker/locks/patience_enforcer.hpp"

#include "core/reaper/violation_text.hpp"
#include "core/sessions/signal_and_prove.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "worker/locks/live_blockers.hpp"

namespace sessionctl::worker {

namespace {

core::Recheck recheck_of(const core::PatienceStep& step, const core::Session& blocker) noexcept {
    if (step.kind == core::StepKind::cancel)
        return core::Recheck::statement;
    return blocker.xact_start == 0 ? core::Recheck::idleness : core::Recheck::transaction;
}

/// `escalate` terminates at once only what runs nothing.
bool has_to_be_idle(const core::Session& blocker, core::BlockerAction action) noexcept {
    return action == core::BlockerAction::escalate && core::is_idle_in_transaction(blocker.state);
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

void PatienceEnforcer::check(const WaitingSessions& sessions, Standings& standings,
                             const WaitingSession& waiting) {
    const std::int32_t patience = waiting.settings.patience;
    if (patience <= 0)
        return;
    if (pg::monotonic_now() > ends_)
        monitor_.end_searches();
    if (!monitor_.is_due(waiting.wait, waiting.start.monotonic, patience))
        return;
    const core::vector<core::Blocker> blockers = blockers_of(sessions, starts_, standings, waiting);
    const core::vector<core::PatienceStep> steps = [&] {
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        return monitor_.check(waiting.wait, waiting.settings, blockers);
    }();
    if (!pg::is_acted_on(waiting.lock) && !steps.empty())
        monitor_.close(waiting.wait); // it is reported, and that is all
    if (steps.empty())
        return;
    if (steps.front().kind != core::StepKind::report)
        return take_all(sessions, waiting, steps);
    for (const core::PatienceStep& step : steps)
        report(waiting, step);
}

/// Before each signal all of them are looked at again: as soon as one stays, nobody else is signalled.
void PatienceEnforcer::take_all(const WaitingSessions& sessions, const WaitingSession& waiting,
                                const core::vector<core::PatienceStep>& steps) {
    const pg::ScratchMemory scratch;
    BlockersNow blockers(waiting, starts_, monitor_);
    if (std::any_of(steps.begin(), steps.end(), core::is_signal) && !blockers.all_give_way())
        return;
    const std::optional<pg::RosterEntry> waiter = entry_of(waiting.session);
    if (!waiter)
        return;
    for (const core::PatienceStep& step : steps)
        if (const core::Session* const blocker = sessions.find(step.blocker.id.pid))
            if (!take(waiting, *waiter, blockers, step, *blocker))
                return;
}

core::Timestamp PatienceEnforcer::finish() noexcept {
    monitor_.finish();
    return monitor_.next_look();
}

void PatienceEnforcer::report(const WaitingSession& waiting, const core::PatienceStep& step) const {
    const core::Blocker& blocker = step.blocker;
    char who[64];
    if (blocker.id.pid == 0)
        std::snprintf(who, sizeof who, "Prepared transaction %u", static_cast<unsigned>(blocker.id.start));
    else
        std::snprintf(who, sizeof who, "Session %d", blocker.id.pid);
    const core::string waited = core::length_of_time(step.waited);
    const int level = core::is_denial(blocker.obstacle) ? WARNING : LOG;
    const int pid = waiting.session.id.pid;
    pg::call([&] {
        ereport(level, (errmsg("pg_sessionctl: session %d has waited for a lock for %s, and nobody gives way",
                               pid, waited.c_str()),
                        errdetail("%s is in its way: %s.", who, core::obstacle_text(blocker.obstacle))));
    });
}

/// False: the blocker has changed just before the signal, and the others would end for nothing.
bool PatienceEnforcer::take(const WaitingSession& waiting, const pg::RosterEntry& waiter,
                            BlockersNow& blockers, const core::PatienceStep& step,
                            const core::Session& blocker) {
    const bool is_taken = endings_.is_under_way(blocker, step.kind == core::StepKind::cancel) ||
                          act(waiting, waiter, blockers, step, blocker);
    if (is_taken) {
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        monitor_.taken(waiting.wait, step);
    }
    return is_taken;
}

bool PatienceEnforcer::act(const WaitingSession& waiting, const pg::RosterEntry& waiter,
                           BlockersNow& blockers, const core::PatienceStep& step,
                           const core::Session& blocker) {
    const std::optional<pg::RosterEntry> entry = entry_of(blocker);
    if (!entry)
        return true;
    pg::AuditRecord record = {};
    record.describe(*entry);
    record.by_session_user.set(waiter.role_facts.name);
    record.by_session_id.set(core::SessionId(waiting.session.id).text);
    record.rule.set("blocker_patience");
    record.set_field(record.reason, core::detail_of(step, waiting.settings).c_str());
    record.evidence = pg::evidence_of(*entry, waits_);
    if (step.kind != core::StepKind::log)
        return signal(waiting, blockers, step, blocker, record);
    record.action.set("log");
    record.result.set("spared");
    pg::log_record(record);
    count_blocker_log();
    return true;
}

bool PatienceEnforcer::signal(const WaitingSession& waiting, BlockersNow& blockers,
                              const core::PatienceStep& step, const core::Session& blocker,
                              pg::AuditRecord& record) {
    const bool is_cancel = step.kind == core::StepKind::cancel;
    const pg::ClientMessage message = client_message_of(step, waiting.settings);
    core::Target target = {};
    target.session = blocker;
    BlockerServer server(message, waiting, blockers, has_to_be_idle(blocker, waiting.settings.action));
    core::signal_one(target, is_cancel ? core::Action::cancel : core::Action::terminate,
                     recheck_of(step, blocker), server);
    if (target.outcome != core::Outcome::signalled)
        return target.outcome == core::Outcome::denied || target.outcome == core::Outcome::already_gone;
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
