#include "worker/locks/lock_wait_enforcer.hpp"

#include "pg/locks/lock_settings.hpp"
#include "pg/locks/seen_wait.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"

namespace sessionctl::worker {

namespace {

void publish_next_look(core::Timestamp next_look) noexcept {
    if (pg::SharedMemory* const shared = pg::shared_memory())
        shared->reaper.next_lock_look = next_look;
}

/// For session_blocking and blocking_tree().
void publish_start(const WaitingSession& waiting) noexcept {
    if (waiting.proclock.since == 0 && waiting.settings.patience > 0)
        pg::publish_wait(waiting.session, waiting.lock, waiting.start.wall);
}

} // namespace

void LockWaitEnforcer::look() {
    is_to_look_ = false;
    if (pg::SharedMemory* const shared = pg::shared_memory())
        ++shared->reaper.wakeups;
    const core::Timestamp began = pg::processor_time();
    pg::publish_general_lock_settings();
    publish_next_look(0);
    publish_next_look(look_at_waits());
    pg::bring_lock_look_forward(pg::shortest_watched_time()); // nobody wakes it during a look
    earliest_ = core::earliest_next_look(pg::monotonic_now(), pg::processor_time() - began);
}

core::Timestamp LockWaitEnforcer::next_look() const noexcept {
    const pg::SharedMemory* const shared = pg::shared_memory();
    if (is_to_look_)
        return earliest_;
    return shared != nullptr ? std::max(shared->reaper.next_lock_look.load(), earliest_)
                             : core::PatienceMonitor::never;
}

/// Returns when to look again, on the monotonic clock.
core::Timestamp LockWaitEnforcer::look_at_waits() {
    const pg::ScratchMemory scratch;
    const std::int32_t shortest = pg::shortest_watched_time();
    std::optional<WaitingSessions> sessions;
    if (shortest > 0 && pg::is_any_watched_waiting())
        sessions.emplace();
    const core::Timestamp now = begin(sessions ? sessions->all_waits() : core::vector<core::LockWait>());
    if (sessions)
        look_at(*sessions);
    const core::Timestamp next = std::min(patience_enforcer_.finish(), yield_enforcer_.finish());
    return shortest > 0 ? std::min(next, now + core::look_interval(shortest)) : core::PatienceMonitor::never;
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
    KeptWaiters kept(sessions);
    int first = 0;
    while (first < graph.count() && graph.party(first).pid < begin_at_)
        ++first;
    for (int i = 0; i < graph.count(); ++i) {
        const int party = (first + i) % graph.count();
        if (const std::optional<WaitingSession> waiting = waiting_session(sessions, starts_, party)) {
            publish_start(*waiting);
            patience_enforcer_.check(sessions, standings, *waiting);
            yield_enforcer_.check(sessions, kept, *waiting);
        }
    }
    begin_at_ = patience_enforcer_.first_postponed();
}

} // namespace sessionctl::worker
