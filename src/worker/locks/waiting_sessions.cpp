#include "worker/locks/waiting_sessions.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"

namespace sessionctl::worker {

namespace {

bool is_before(const core::Session& session, int pid) noexcept {
    return session.id.pid < pid;
}

core::vector<core::Session> sessions_by_pid() {
    core::vector<core::Session> sessions;
    pg::call([&sessions] { pg::list_sessions(sessions); });
    std::sort(sessions.begin(), sessions.end(),
              [](const core::Session& a, const core::Session& b) { return is_before(a, b.id.pid); });
    return sessions;
}

} // namespace

WaitingSessions::WaitingSessions() : sessions_(sessions_by_pid()), waits_(*pg::LockWaits::take()) {}

const core::Session* WaitingSessions::find(int pid) const noexcept {
    const auto found = std::lower_bound(sessions_.begin(), sessions_.end(), pid, is_before);
    return found != sessions_.end() && found->id.pid == pid ? &*found : nullptr;
}

core::LockWait WaitingSessions::wait_of(const core::ProcLock& waiter) const {
    const core::Session* const session = find(waiter.party.pid);
    return {session != nullptr ? session->id : core::Identity{waiter.party.pid, 0},
            session != nullptr ? session->query_start : 0,
            pg::fingerprint_of(lock_of(waiter)),
            waiter.wanted,
            session != nullptr ? session->xact_start : 0,
            waiter.since,
            waiter.attempt};
}

core::vector<core::LockWait> WaitingSessions::all_waits() const {
    core::vector<core::LockWait> waits;
    for (const core::ProcLock& proclock : graph().proclocks())
        if (proclock.wanted != 0)
            waits.push_back(wait_of(proclock));
    return waits;
}

std::optional<WaitingSession> waiting_session(const WaitingSessions& sessions, const core::WaitStarts& starts,
                                              int party) {
    const core::ProcLock* const proclock = first_wait_of(sessions.graph(), party);
    const core::Session* const session = sessions.session_of(party);
    if (proclock == nullptr || session == nullptr || !core::is_login(session->kind))
        return std::nullopt;
    const core::LockWait wait = sessions.wait_of(*proclock);
    WaitingSession waiting = {
        party, *session,       *proclock, sessions.lock_of(*proclock), pg::lock_settings_of(*session),
        wait,  starts.of(wait)};
    if (pg::reaper_action_setting() == pg::ReaperAction::log)
        waiting.settings.action = core::BlockerAction::log;
    return waiting;
}

const core::ProcLock* first_wait_of(const core::WaitGraph& graph, int party) {
    const core::ProcLock* wait = nullptr;
    graph.each_proclock(party, [&wait](const core::ProcLock& proclock) {
        if (proclock.wanted != 0 && wait == nullptr)
            wait = &proclock;
    });
    return wait;
}

std::optional<pg::RosterEntry> entry_of(const core::Session& session) {
    pg::CatalogScope catalogs;
    const pg::Roster roster = pg::Roster::take_one(session);
    catalogs.leave();
    return roster.entries.empty() ? std::nullopt : std::optional(roster.entries.front());
}

} // namespace sessionctl::worker
