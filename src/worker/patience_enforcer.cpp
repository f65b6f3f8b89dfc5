#include "worker/patience_enforcer.hpp"

#include "core/reaper/violation_text.hpp"
#include "core/sessions/signal_and_prove.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "worker/exemptions.hpp"

#include <csignal>

namespace sessionctl::worker {

/// A session whose patience may have ended.
struct PatienceEnforcer::Waiter {
    core::Session session;
    pg::RosterEntry entry;
    core::LockSettings settings;
    core::LockWait wait;
    LOCKTAG lock;
};

namespace {

using Sessions = core::vector<core::Session>;

const core::Session* find(const Sessions& sessions, int pid) noexcept {
    const auto found = std::find_if(sessions.begin(), sessions.end(),
                                    [pid](const core::Session& session) { return session.id.pid == pid; });
    return found != sessions.end() ? &*found : nullptr;
}

std::uint64_t number_of(const LOCKTAG& lock) noexcept {
    static_assert(sizeof lock == 16);
    std::uint64_t halves[2];
    std::memcpy(halves, &lock, sizeof lock);
    return halves[0] * 0x9e3779b97f4a7c15 ^ halves[1];
}

const core::ProcLock* wait_of(const core::WaitGraph& graph, int party) {
    const core::ProcLock* wait = nullptr;
    graph.each_proclock(party, [&wait](const core::ProcLock& proclock) {
        if (proclock.wanted != 0 && wait == nullptr)
            wait = &proclock;
    });
    return wait;
}

/// Names and rights are read from the catalogs.
class LiveBlockers final : public core::BlockerFacts {
  public:
    LiveBlockers(const pg::LockWaits& waits, const Sessions& sessions, Oid waiting_role) noexcept
        : waits_(waits), sessions_(sessions), waiting_role_(waiting_role) {}

    bool is_acted_on(const core::ProcLock& waiter) override {
        return pg::is_acted_on(waits_.lock_of(waiter));
    }

    std::optional<core::Standing> standing_of(int party) override {
        const int pid = waits_.graph().party(party).pid;
        const core::Session* const session = find(sessions_, pid);
        if (session == nullptr)
            return kill(pid, 0) == 0 ? std::optional(core::Standing{not_in_table(pid), std::nullopt})
                                     : std::nullopt;
        core::Standing standing = {*session, pg::lock_priority_of(*session)};
        if (!standing.priority)
            return standing;
        const pg::Roster roster = pg::Roster::take_one(*session);
        if (roster.entries.empty())
            return std::nullopt;
        const pg::RosterEntry& entry = roster.entries.front();
        const Oid waiting = waiting_role_;
        standing.session.is_protected = is_exempt(entry);
        standing.session.may_signal =
            pg::call([waiting, &entry] { return compat::may_signal(waiting, entry.role); });
        return standing;
    }

  private:
    static core::Session not_in_table(int pid) noexcept {
        core::Session session = {};
        session.id.pid = pid;
        session.kind = core::Kind::other;
        return session;
    }

    const pg::LockWaits& waits_;
    const Sessions& sessions_;
    const Oid waiting_role_;
};

/// For the look just before the signal: is it still in the way of the same wait?
class BlockerServer final : public pg::LiveServer {
  public:
    BlockerServer(const pg::ClientMessage& message, const core::Session& waiter, const LOCKTAG& lock)
        : LiveServer(message), waiter_(waiter), lock_(lock) {}

    /// A signal would end the wait for a synchronous standby: the client would be told of a commit that no
    /// standby has.
    bool spares(const core::Session& session) override {
        return pg::is_in_commit(session) || !is_in_way(session);
    }

  private:
    bool is_in_way(const core::Session& session) const {
        const pg::ScratchMemory scratch;
        const pg::LockWaits& waits = *pg::LockWaits::take();
        const core::WaitGraph& graph = waits.graph();
        const int waiter = graph.find(waiter_.id.pid);
        const int blocker = graph.find(session.id.pid);
        const core::ProcLock* const wait = waiter >= 0 ? wait_of(graph, waiter) : nullptr;
        if (wait == nullptr || blocker < 0 || std::memcmp(&waits.lock_of(*wait), &lock_, sizeof lock_) != 0 ||
            !is_in_same_statement())
            return false;
        const core::vector<int> behind = graph.behind(blocker);
        return std::binary_search(behind.begin(), behind.end(), waiter);
    }

    bool is_in_same_statement() const {
        const core::Observation observed = pg::look_at(waiter_);
        return observed.listed && observed.query_start == waiter_.query_start;
    }

    const core::Session& waiter_;
    const LOCKTAG& lock_;
};

pg::ClientMessage client_message_of(const core::PatienceStep& step, const core::LockSettings& settings) {
    pg::ClientMessage message = {};
    std::snprintf(message.detail, sizeof message.detail, "%s", core::detail_of(step, settings).c_str());
    std::snprintf(message.hint, sizeof message.hint, "%s", core::hint_of(step));
    return message;
}

void publish(core::Timestamp next_look) noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->reaper.next_lock_look = next_look;
}

void count_log() noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->counter(pg::CountedAction::blocker_log).add(false);
}

} // namespace

core::Timestamp PatienceEnforcer::look() {
    pg::publish_general_lock_settings();
    publish(core::PatienceMonitor::never); // a new patience wakes the reaper from here on
    const core::Timestamp next = next_look();
    publish(next);
    return next;
}

core::Timestamp PatienceEnforcer::next_look() {
    const pg::PatientSessions patient = pg::patient_sessions();
    if (patient.shortest_patience == 0)
        return core::PatienceMonitor::never;
    const core::Timestamp now = pg::monotonic_now();
    monitor_.begin(now, GetCurrentTimestamp());
    if (patient.is_waiting)
        look_at_waits();
    monitor_.finish();
    return std::min(now + core::look_interval(patient.shortest_patience), monitor_.next_look());
}

void PatienceEnforcer::look_at_waits() {
    const pg::ScratchMemory scratch;
    Sessions sessions;
    pg::call([&sessions] { pg::list_sessions(sessions); });
    const pg::LockWaits& waits = *pg::LockWaits::take();
    const core::WaitGraph& graph = waits.graph();
    for (int party = 0; party < graph.count(); ++party) {
        const core::ProcLock* const wait = wait_of(graph, party);
        const core::Session* const session = find(sessions, graph.party(party).pid);
        if (wait == nullptr || session == nullptr || !core::is_login(session->kind))
            continue;
        core::LockSettings settings = pg::lock_settings_of(*session);
        if (settings.patience <= 0)
            continue;
        if (pg::reaper_action_setting() == pg::ReaperAction::log)
            settings.action = core::BlockerAction::log;
        pg::CatalogScope catalogs;
        const pg::Roster roster = pg::Roster::take_one(*session);
        if (roster.entries.empty()) {
            catalogs.leave();
            continue;
        }
        const LOCKTAG& lock = waits.lock_of(*wait);
        const Waiter waiter = {*session,
                               roster.entries.front(),
                               settings,
                               {session->id, session->query_start, number_of(lock)},
                               lock};
        LiveBlockers facts(waits, sessions, waiter.entry.role);
        const core::vector<core::Blocker> blockers =
            core::blockers_to_give_way(graph, party, settings, facts);
        catalogs.leave();
        const core::vector<core::PatienceStep> steps = [&] {
            const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
            return monitor_.check(waiter.wait, settings, blockers);
        }();
        for (const core::PatienceStep& step : steps)
            if (step.kind == core::StepKind::report)
                report(waiter, step);
            else if (const core::Session* const blocker = find(sessions, step.blocker.id.pid))
                take(waiter, step, *blocker);
    }
}

void PatienceEnforcer::report(const Waiter& waiter, const core::PatienceStep& step) const {
    const core::Blocker& blocker = step.blocker;
    char who[64];
    std::snprintf(who, sizeof who,
                  blocker.obstacle == core::Obstacle::prepared ? "Prepared transaction %u" : "Session %d",
                  blocker.obstacle == core::Obstacle::prepared ? static_cast<int>(blocker.id.start)
                                                               : blocker.id.pid);
    const core::string waited = core::length_of_time(step.waited);
    const int level = blocker.obstacle == core::Obstacle::not_permitted ? WARNING : LOG;
    const int pid = waiter.session.id.pid;
    pg::call([&] {
        ereport(level, (errmsg("pg_sessionctl: session %d has waited for a lock for %s, and nobody gives way",
                               pid, waited.c_str()),
                        errdetail("%s is in its way: %s.", who, core::obstacle_text(blocker.obstacle))));
    });
}

void PatienceEnforcer::take(const Waiter& waiter, const core::PatienceStep& step,
                            const core::Session& blocker) {
    const bool is_cancel = step.kind == core::StepKind::cancel;
    if (endings_.is_under_way(blocker, is_cancel))
        return;
    pg::CatalogScope catalogs;
    const pg::Roster roster = pg::Roster::take_one(blocker);
    catalogs.leave();
    if (roster.entries.empty())
        return;
    pg::AuditRecord record = {};
    record.describe(roster.entries.front());
    record.by_session_user.set(waiter.entry.role_facts.name);
    record.by_session_id.set(core::SessionId(waiter.session.id).text);
    record.rule.set("blocker_patience");
    record.set_field(record.reason, core::detail_of(step, waiter.settings).c_str());
    record.evidence = pg::evidence_of(roster.entries.front(), waits_);
    if (act(waiter, step, blocker, record))
        monitor_.taken(waiter.wait, step);
}

/// False: the blocker has changed just before the signal.
bool PatienceEnforcer::act(const Waiter& waiter, const core::PatienceStep& step, const core::Session& blocker,
                           pg::AuditRecord& record) {
    if (step.kind == core::StepKind::log) {
        record.action.set("log");
        record.result.set("spared");
        record.mark.set(pg::audit_mark_or_none());
        record.log(); // any role may set a patience: no room in session_audit for this
        count_log();
        return true;
    }
    const bool is_cancel = step.kind == core::StepKind::cancel;
    const core::Recheck recheck = is_cancel                 ? core::Recheck::statement
                                  : blocker.xact_start == 0 ? core::Recheck::idleness
                                                            : core::Recheck::transaction;
    const pg::ClientMessage message = client_message_of(step, waiter.settings);
    core::Target target = {};
    target.session = blocker;
    BlockerServer server(message, waiter.session, waiter.lock);
    core::signal_one(target, is_cancel ? core::Action::cancel : core::Action::terminate, recheck, server);
    if (target.outcome == core::Outcome::signalled) {
        if (!is_cancel)
            endings_.give_up_cancel_of(blocker);
        record.action.set(is_cancel ? "cancel" : "terminate");
        endings_.add({blocker,
                      is_cancel ? pg::CountedAction::blocker_cancel : pg::CountedAction::blocker_terminate,
                      {},
                      is_cancel,
                      target.signalled_at,
                      record});
    }
    return target.outcome == core::Outcome::signalled || target.outcome == core::Outcome::denied;
}

} // namespace sessionctl::worker
