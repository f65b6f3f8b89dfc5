#include "worker/locks/lock_wait_enforcer.hpp"

#include "pg/locks/lock_settings.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"

namespace sessionctl::worker {

namespace {

void publish_next_look(core::Timestamp next_look) noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->reaper.next_lock_look = next_look;
}

} // namespace

core::Timestamp LockWaitEnforcer::look() {
    pg::publish_general_lock_settings();
    publish_next_look(core::PatienceMonitor::never); // a new patience wakes the reaper from here on
    const core::Timestamp began = pg::monotonic_now();
    const core::Timestamp next = core::next_look_after(next_look(), began, pg::monotonic_now());
    publish_next_look(next);
    return next;
}

core::Timestamp LockWaitEnforcer::next_look() {
    const pg::ScratchMemory scratch;
    const pg::WatchedWaits watched = pg::watched_waits();
    std::optional<WaitingSessions> sessions;
    if (watched.is_any)
        sessions.emplace();
    const core::Timestamp now = begin(sessions ? sessions->all_waits() : core::vector<core::LockWait>());
    if (sessions)
        look_at(*sessions);
    const core::Timestamp next = std::min(patience_enforcer_.finish(), yield_enforcer_.finish());
    return watched.shortest_time > 0 ? std::min(next, now + core::look_interval(watched.shortest_time))
                                     : core::PatienceMonitor::never;
}

/// The clocks are read after the waits, the wall clock first: none seems longer than it is. Returns the
/// monotonic one.
core::Timestamp LockWaitEnforcer::begin(const core::vector<core::LockWait>& waits) {
    const core::Timestamp wall = GetCurrentTimestamp();
    const core::Timestamp now = pg::monotonic_now();
    const pg::MemoryScope lasting(TopMemoryContext); // a look's own memory ends with it
    starts_.look(now, wall, waits);
    patience_enforcer_.begin(now);
    yield_enforcer_.begin(now);
    return now;
}

/// Begins with those that the last look did not come to.
void LockWaitEnforcer::look_at(const WaitingSessions& sessions) {
    Standings standings;
    const core::WaitGraph& graph = sessions.graph();
    KeptWaiters kept(graph);
    int first = 0;
    while (first < graph.count() && graph.party(first).pid < begin_at_)
        ++first;
    for (int i = 0; i < graph.count(); ++i) {
        const int party = (first + i) % graph.count();
        if (const std::optional<WaitingSession> waiting = waiting_session(sessions, starts_, party)) {
            patience_enforcer_.check(sessions, standings, *waiting);
            yield_enforcer_.check(sessions, kept, *waiting);
        }
    }
    begin_at_ = patience_enforcer_.first_postponed();
}

} // namespace sessionctl::worker
