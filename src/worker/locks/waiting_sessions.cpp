#include "worker/locks/waiting_sessions.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/sessions/observation.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"

namespace sessionctl::worker {

namespace {

std::uint64_t number_of(const LOCKTAG& lock) noexcept {
    static_assert(sizeof lock == 16);
    std::uint64_t halves[2];
    std::memcpy(halves, &lock, sizeof lock);
    return halves[0] * 0x9e3779b97f4a7c15 ^ halves[1];
}

core::vector<core::Session> all_sessions() {
    core::vector<core::Session> sessions;
    pg::call([&sessions] { pg::list_sessions(sessions); });
    return sessions;
}

} // namespace

WaitingSessions::WaitingSessions() : sessions_(all_sessions()), waits_(*pg::LockWaits::take()) {}

const core::Session* WaitingSessions::find(int pid) const noexcept {
    const auto found = std::find_if(sessions_.begin(), sessions_.end(),
                                    [pid](const core::Session& session) { return session.id.pid == pid; });
    return found != sessions_.end() ? &*found : nullptr;
}

std::optional<WaitingSession> waiting_session(const WaitingSessions& sessions, int party) {
    const core::ProcLock* const proclock = wait_of(sessions.graph(), party);
    const core::Session* const session = sessions.session_of(party);
    if (proclock == nullptr || session == nullptr || !core::is_login(session->kind))
        return std::nullopt;
    const LOCKTAG& lock = sessions.lock_of(*proclock);
    WaitingSession waiting = {party,
                              *session,
                              *proclock,
                              lock,
                              pg::lock_settings_of(*session),
                              {session->id, session->query_start, number_of(lock)}};
    if (pg::reaper_action_setting() == pg::ReaperAction::log)
        waiting.settings.action = core::BlockerAction::log;
    return waiting;
}

const core::ProcLock* wait_of(const core::WaitGraph& graph, int party) {
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

bool is_in_same_statement(const core::Session& session) {
    const core::Observation observed = pg::look_at(session);
    return observed.listed && observed.query_start == session.query_start;
}

} // namespace sessionctl::worker
