#include "worker/locks/live_blockers.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
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
    standing.runs_statement =
        core::is_active(session->state) && pg::client_wait_of(*session) != pg::ClientWait::read;
    standing.awaits_standby = pg::awaits_standby(*session);
    standing.is_in_commit = pg::is_past_abort(*session);
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

core::vector<core::Blocker> BlockersNow::look() const {
    const WaitingSessions sessions;
    Standings standings;
    const int party = sessions.graph().find(core::Party{waiting_.session.id.pid, 0});
    const std::optional<WaitingSession> now =
        party >= 0 ? waiting_session(sessions, starts_, party) : std::nullopt;
    return now && now->wait == waiting_.wait ? blockers_of(sessions, starts_, standings, *now)
                                             : core::vector<core::Blocker>();
}

bool BlockersNow::all_give_way() {
    if (looked_at_ == 0 || pg::monotonic_now() - looked_at_ > longest_age) {
        looked_at_ = pg::monotonic_now();
        const pg::ScratchMemory scratch;
        const core::vector<core::Blocker> blockers = look();
        const pg::MemoryScope lasting(memory_);
        blockers_.assign(blockers.begin(), blockers.end());
    }
    return monitor_.all_give_way(waiting_.wait, waiting_.settings.patience, blockers_);
}

bool BlockersNow::include(const core::Session& session) const noexcept {
    return std::any_of(blockers_.begin(), blockers_.end(), [&session](const core::Blocker& blocker) {
        return blocker.id == session.id && blocker.xact_start == session.xact_start;
    });
}

bool BlockerServer::spares(const core::Session& session) {
    return BeforeCommit::spares(session) || !blockers_.all_give_way() || !blockers_.include(session);
}

/// What may have become different since that look, and is cheap to ask.
bool BlockerServer::is_changed() {
    if (has_to_be_idle_ && core::is_active(look(pinned()).state))
        return true;
    const std::optional<core::LockPriority> priority = pg::lock_priority_of(pinned());
    const compat::LockHeld held(waiting_.lock);
    return !priority || *priority >= waiting_.settings.priority ||
           !held.is_awaited_by({waiting_.session.id.pid, 0});
}

} // namespace sessionctl::worker
