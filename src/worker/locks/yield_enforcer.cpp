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

/// With track_activities off nobody knows which statement would be cancelled.
bool yields(const core::Session& session) noexcept {
    return pg::lock_settings_of(session).yield_after > 0 && session.state != core::State::disabled;
}

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

/// Signals while nobody joins or leaves the queue: nobody is cancelled who has the lock.
class QueueServer : public pg::LiveServer {
  public:
    QueueServer(const pg::ClientMessage& message, const WaitingSession& waiting,
                const core::vector<core::Party>& yielding)
        : LiveServer(message), waiting_(waiting), yielding_(yielding), entries_(compat::max_backends()) {}

    core::Delivery send() override {
        const compat::LockHeld held(waiting_.lock);
        return held.is_awaited_by(party()) ? LiveServer::send() : core::Delivery::changed;
    }

  protected:
    /// The queue is copied while it is held, and judged afterwards.
    bool keeps_others_waiting() {
        compat::CopyBuffer<core::ProcLock> room = {entries_.data(), static_cast<int>(entries_.size()), 0};
        {
            const compat::LockHeld held(waiting_.lock);
            held.copy(room);
        }
        return room.fits() &&
               !core::kept_waiting_by(party(), core::kept_waiting({room.at, room.at + room.count}, yielding_))
                    .empty();
    }

  private:
    core::Party party() const noexcept { return {waiting_.session.id.pid, 0}; }

    const WaitingSession& waiting_;
    const core::vector<core::Party>& yielding_;
    core::vector<core::ProcLock> entries_;
};

/// Its transaction is held first and the queue then, as core takes these locks.
class YieldServer final : public BeforeCommit<QueueServer> {
  public:
    using BeforeCommit::BeforeCommit;

    bool spares(const core::Session& session) override {
        return BeforeCommit::spares(session) || !keeps_others_waiting();
    }
};

pg::ClientMessage message_of_yield(const core::string& detail) {
    pg::ClientMessage message = {};
    std::snprintf(message.detail, sizeof message.detail, "%s", detail.c_str());
    std::snprintf(message.hint, sizeof message.hint, "%s", core::hint_of_yield);
    return message;
}

} // namespace

KeptWaiters::KeptWaiters(const WaitingSessions& sessions)
    : graph_(sessions.graph()),
      of_lock_(graph_.proclocks().empty() ? 0 : graph_.proclocks().back().lock + 1) {
    for (int party = 0; party < graph_.count(); ++party) {
        const core::Session* const session = sessions.session_of(party);
        if (session != nullptr && yields(*session))
            yielding_.push_back(graph_.party(party));
    }
}

const core::vector<core::KeptWaiting>& KeptWaiters::of(const core::ProcLock& wait) {
    OfLock& lock = of_lock_[wait.lock];
    if (!std::exchange(lock.is_known, true))
        lock.kept = core::kept_waiting(entries_of(graph_, wait), yielding_);
    return lock.kept;
}

core::Timestamp YieldEnforcer::since(const WaitingSessions& sessions, core::KeptRange kept) const {
    core::Timestamp since = core::YieldMonitor::never;
    for (const core::KeptWaiting& each : kept)
        since = std::min(since, starts_.of(sessions.wait_of(*each.waiter)).monotonic);
    return since;
}

void YieldEnforcer::check(const WaitingSessions& sessions, KeptWaiters& kept, const WaitingSession& waiting) {
    if (!yields(waiting.session) || !pg::is_yielded(waiting.lock))
        return;
    const core::KeptRange range =
        core::kept_waiting_by(sessions.graph().party(waiting.party), kept.of(waiting.proclock));
    const std::optional<core::Timestamp> waited = [&] {
        const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
        return monitor_.check(waiting.wait, waiting.settings.yield_after, since(sessions, range),
                              pg::reaper_action_setting() != pg::ReaperAction::log);
    }();
    if (waited && !endings_.is_under_way(waiting.session, false))
        give_up(waiting, kept.yielding(), *waited);
}

core::Timestamp YieldEnforcer::finish() noexcept {
    monitor_.finish();
    return monitor_.next_look();
}

void YieldEnforcer::give_up(const WaitingSession& waiting, const core::vector<core::Party>& yielding,
                            core::Timestamp waited) {
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
        cancel(waiting, yielding, waited, record);
}

void YieldEnforcer::log(const WaitingSession& waiting, pg::AuditRecord& record) noexcept {
    record.action.set("log");
    record.result.set("spared");
    pg::log_record(record);
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(pg::CountedAction::yield_log).add(false);
    monitor_.logged(waiting.wait);
}

void YieldEnforcer::cancel(const WaitingSession& waiting, const core::vector<core::Party>& yielding,
                           core::Timestamp waited, pg::AuditRecord& record) {
    const core::string detail = core::detail_of_yield(waited, waiting.settings.yield_after);
    const pg::ClientMessage message = message_of_yield(detail);
    core::Target target = {};
    target.session = waiting.session;
    YieldServer server(message, waiting, yielding);
    core::signal_one(target, core::Action::cancel, core::Recheck::statement, server);
    if (target.outcome != core::Outcome::signalled)
        return;
    endings_.give_up_cancel_of(waiting.session); // it caught that, and waits once more
    record.action.set("cancel");
    endings_.add(
        {waiting.session, pg::CountedAction::yield_cancel, {}, true, target.signalled_at, record, true});
    monitor_.cancelled(waiting.wait);
}

} // namespace sessionctl::worker
