#include "worker/locks/live_blockers.hpp"

#include "pg/error.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/session_table.hpp"
#include "worker/exemptions.hpp"

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

bool BlockerServer::spares(const core::Session& session) {
    return pg::is_in_commit(session) || !is_in_way(session);
}

bool BlockerServer::is_in_way(const core::Session& session) const {
    const pg::ScratchMemory scratch;
    const WaitingSessions sessions;
    const core::WaitGraph& graph = sessions.graph();
    const int waiter = graph.find(waiting_.session.id.pid);
    const int blocker = graph.find(session.id.pid);
    const core::ProcLock* const wait = waiter >= 0 ? first_wait_of(graph, waiter) : nullptr;
    if (wait == nullptr || blocker < 0 || !(sessions.wait_of(*wait) == waiting_.wait))
        return false;
    const core::vector<int> behind = graph.behind(blocker);
    return std::binary_search(behind.begin(), behind.end(), waiter);
}

} // namespace sessionctl::worker
