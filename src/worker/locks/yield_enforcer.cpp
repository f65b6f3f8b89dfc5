#include "worker/locks/yield_enforcer.hpp"

#include "core/sessions/signal_and_prove.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "worker/before_commit.hpp"

namespace sessionctl::worker {

namespace {

/// Of the lock that it waits for: entries of one lock stand together.
core::ProcLocksOfLock entries_of(const core::WaitGraph& graph, const core::ProcLock& wait) noexcept {
    const core::ProcLock* const all = graph.proclocks().data();
    core::ProcLocksOfLock entries = {&wait, &wait + 1};
    while (entries.first != all && entries.first[-1].lock == wait.lock)
        --entries.first;
    while (entries.end != all + graph.proclocks().size() && entries.end->lock == wait.lock)
        ++entries.end;
    return entries;
}

/// Looks at the queue again and signals while nobody joins or leaves it: nobody is cancelled who has the
/// lock.
class QueueServer : public pg::LiveServer {
  public:
    QueueServer(const pg::ClientMessage& message, const WaitingSession& waiting)
        : LiveServer(message), waiting_(waiting), entries_(compat::max_backends()) {}

    core::Delivery send() override {
        const compat::LockHeld held(waiting_.lock);
        return keeps_others_waiting(held) ? LiveServer::send() : core::Delivery::gone;
    }

  private:
    bool keeps_others_waiting(const compat::LockHeld& held) noexcept {
        compat::CopyBuffer<core::ProcLock> room = {entries_.data(), static_cast<int>(entries_.size()), 0};
        held.copy(room);
        const core::ProcLocksOfLock entries = {room.at, room.at + std::min(room.count, room.capacity)};
        const core::Party party = {waiting_.session.id.pid, 0};
        return room.fits() && !core::kept_waiting_by(party, entries).empty();
    }

    const WaitingSession& waiting_;
    core::vector<core::ProcLock> entries_;
};

/// Its transaction is held first and the queue then, as core takes these locks.
using YieldServer = BeforeCommit<QueueServer>;

pg::ClientMessage message_of_yield(const core::string& detail) {
    pg::ClientMessage message = {};
    std::snprintf(message.detail, sizeof message.detail, "%s", detail.c_str());
    std::snprintf(message.hint, sizeof message.hint, "%s", core::hint_of_yield);
    return message;
}

} // namespace

void YieldEnforcer::check(const WaitingSessions& sessions, const WaitingSession& waiting) {
    if (waiting.settings.yield_after <= 0 || !pg::is_yielded(waiting.lock))
        return;
    const core::vector<const core::ProcLock*> kept = core::kept_waiting_by(
        sessions.graph().party(waiting.party), entries_of(sessions.graph(), waiting.proclock));
    if (kept.empty())
        return;
    core::Timestamp since = INT64_MAX;
    for (const core::ProcLock* const waiter : kept)
        since = std::min(since, starts_.of(sessions.wait_of(*waiter)).monotonic);
    const std::optional<core::Timestamp> waited = [&] {
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        return monitor_.check(waiting.wait, waiting.settings.yield_after, since);
    }();
    if (waited && !endings_.is_under_way(waiting.session, true))
        give_up(waiting, *waited);
}

core::Timestamp YieldEnforcer::finish() noexcept {
    monitor_.finish();
    return monitor_.next_look();
}

void YieldEnforcer::give_up(const WaitingSession& waiting, core::Timestamp waited) {
    const std::optional<pg::RosterEntry> entry = entry_of(waiting.session);
    if (!entry)
        return;
    pg::AuditRecord record = {};
    record.describe(*entry);
    record.by_session_id.set(core::SessionId(pg::own_identity()).text);
    record.rule.set("yield_after");
    record.set_field(record.reason, core::detail_of_yield(waited, waiting.settings.yield_after).c_str());
    record.evidence = pg::evidence_of(*entry, waits_);
    if (pg::reaper_action_setting() == pg::ReaperAction::log)
        log(waiting, record);
    else
        cancel(waiting, waited, record);
}

void YieldEnforcer::log(const WaitingSession& waiting, pg::AuditRecord& record) noexcept {
    record.action.set("log");
    record.result.set("spared");
    pg::log_record(record);
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(pg::CountedAction::yield_log).add(false);
    monitor_.logged(waiting.wait);
}

void YieldEnforcer::cancel(const WaitingSession& waiting, core::Timestamp waited, pg::AuditRecord& record) {
    const core::string detail = core::detail_of_yield(waited, waiting.settings.yield_after);
    const pg::ClientMessage message = message_of_yield(detail);
    core::Target target = {};
    target.session = waiting.session;
    YieldServer server(message, waiting);
    core::signal_one(target, core::Action::cancel, core::Recheck::statement, server);
    if (target.outcome != core::Outcome::signalled)
        return;
    record.action.set("cancel");
    endings_.add(
        {waiting.session, pg::CountedAction::yield_cancel, {}, true, target.signalled_at, record, true});
    monitor_.cancelled(waiting.wait);
}

} // namespace sessionctl::worker
