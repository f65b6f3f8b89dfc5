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
    const core::Timestamp next = next_look();
    publish_next_look(next);
    return next;
}

core::Timestamp LockWaitEnforcer::next_look() {
    const pg::WatchedWaits watched = pg::watched_waits();
    if (watched.shortest_time == 0)
        return core::PatienceMonitor::never;
    const core::Timestamp now = pg::monotonic_now();
    const core::Timestamp wall = GetCurrentTimestamp();
    patience_enforcer_.begin(now, wall);
    yield_enforcer_.begin(now, wall);
    if (watched.is_any)
        look_at_waits();
    return std::min({now + core::look_interval(watched.shortest_time), patience_enforcer_.finish(),
                     yield_enforcer_.finish()});
}

void LockWaitEnforcer::look_at_waits() {
    const pg::ScratchMemory scratch;
    const WaitingSessions sessions;
    for (int party = 0; party < sessions.graph().count(); ++party)
        if (const std::optional<WaitingSession> waiting = waiting_session(sessions, party)) {
            patience_enforcer_.check(sessions, *waiting);
            yield_enforcer_.check(sessions, *waiting);
        }
}

} // namespace sessionctl::worker
