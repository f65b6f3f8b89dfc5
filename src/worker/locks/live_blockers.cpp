#include "worker/locks/live_blockers.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/session_table.hpp"

#include <csignal>

namespace sessionctl::worker {

namespace {

core::Session not_in_table(int pid) noexcept {
    core::Session session = {};
    session.id.pid = pid;
    session.kind = core::Kind::other;
    return session;
}

} // namespace

bool LiveBlockers::is_acted_on(const core::ProcLock& waiter) {
    return pg::is_acted_on(sessions_.lock_of(waiter));
}

core::WaitStart LiveBlockers::start_of(const core::ProcLock& waiter) {
    return starts_.of(sessions_.wait_of(waiter));
}

std::optional<core::Standing> LiveBlockers::standing_of(int party) {
    const int pid = sessions_.graph().party(party).pid;
    const core::Session* const session = sessions_.find(pid);
    if (session == nullptr)
        return kill(pid, 0) == 0 ? std::optional(core::Standing{not_in_table(pid), std::nullopt})
                                 : std::nullopt;
    core::Standing standing = {*session, pg::lock_priority_of(*session)};
    if (!core::has_lower_priority(waiting_.settings, standing))
        return standing;
    const Standings::Known blocker = standings_.of(*session);
    const Standings::Known waiter = standings_.of(waiting_.session);
    if (blocker.is_gone)
        return std::nullopt;
    standing.is_in_commit = pg::is_in_commit(*session);
    standing.session.is_protected = blocker.is_exempt;
    standing.session.may_signal = !waiter.is_gone && standings_.may_signal(waiter.role, blocker.role);
    for (const Oid setter : {waiting_.settings.patience_by, waiting_.settings.action_by})
        standing.setters_may_signal &= !OidIsValid(setter) || standings_.may_signal(setter, blocker.role);
    return standing;
}

core::vector<core::Blocker> blockers_of(const WaitingSessions& sessions, const core::WaitStarts& starts,
                                        Standings& standings, const WaitingSession& waiting) {
    if (!pg::is_acted_on(waiting.lock))
        return core::nearest_blocker(sessions.graph(), waiting.party, waiting.start.monotonic);
    pg::CatalogScope catalogs;
    LiveBlockers facts(sessions, starts, standings, waiting);
    core::vector<core::Blocker> blockers =
        core::blockers_to_give_way(sessions.graph(), waiting.party, waiting.settings, facts);
    catalogs.leave();
    return blockers;
}

core::vector<core::Blocker> blockers_now(const core::LockWait& wait, const core::WaitStarts& starts,
                                         Standings& standings) {
    const WaitingSessions sessions;
    const int party = sessions.graph().find(core::Party{wait.waiter.pid, 0});
    const std::optional<WaitingSession> waiting =
        party >= 0 ? waiting_session(sessions, starts, party) : std::nullopt;
    if (!waiting || !(waiting->wait == wait))
        return {};
    return blockers_of(sessions, starts, standings, *waiting);
}

bool BlockerServer::spares(const core::Session& session) {
    return BeforeCommit::spares(session) || !is_chosen(session);
}

bool BlockerServer::is_chosen(const core::Session& session) {
    const pg::ScratchMemory scratch;
    standings_.forget(session);
    const core::vector<core::Blocker> blockers = blockers_now(wait_, starts_, standings_);
    return std::any_of(blockers.begin(), blockers.end(), [&session](const core::Blocker& blocker) {
        return blocker.id == session.id && blocker.xact_start == session.xact_start &&
               blocker.obstacle == core::Obstacle::none;
    });
}

} // namespace sessionctl::worker
