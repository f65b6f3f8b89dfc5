#include "core/locks/yield.hpp"

#include "core/length_of_time.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// Nothing but the party's request blocks it.
bool is_kept_by(const Party& party, const ProcLock& waiter, ProcLocksOfLock lock) noexcept {
    bool is_kept = false;
    for (const ProcLock* other = lock.first; other != lock.end; ++other) {
        if (!is_block(waiter, *other))
            continue;
        if (!(other->party == party) || is_hard_block(waiter, *other))
            return false;
        is_kept = true;
    }
    return is_kept;
}

} // namespace

KeptWaiting kept_waiting_by(const Party& party, ProcLocksOfLock lock) noexcept {
    KeptWaiting kept = {false, 0};
    for (const ProcLock* waiter = lock.first; waiter != lock.end; ++waiter) {
        if (waiter->wanted == 0 || !is_kept_by(party, *waiter, lock))
            continue;
        kept.since = kept.is_anybody ? std::min(kept.since, waiter->since) : waiter->since;
        kept.is_anybody = true;
    }
    return kept;
}

void YieldMonitor::begin(Timestamp monotonic, Timestamp wall) noexcept {
    clock_.tick(monotonic, wall);
    next_look_ = PatienceMonitor::never;
    for (Wait& wait : waits_)
        wait.is_checked = false;
}

YieldMonitor::Wait* YieldMonitor::find(const LockWait& id) noexcept {
    for (Wait& wait : waits_)
        if (wait.id == id)
            return &wait;
    return nullptr;
}

std::optional<Timestamp> YieldMonitor::check(const LockWait& id, std::int32_t yield_after, Timestamp since) {
    Wait* wait = find(id);
    if (wait == nullptr)
        wait = &waits_.emplace_back(Wait{id, since != 0 ? clock_.at(since) : clock_.now(), false, true});
    wait->is_checked = true;
    const Timestamp due = wait->since + yield_after * microseconds_per_millisecond;
    if (wait->is_logged)
        return std::nullopt;
    if (clock_.now() < due) {
        next_look_ = std::min(next_look_, due);
        return std::nullopt;
    }
    return clock_.now() - wait->since;
}

void YieldMonitor::cancelled(const LockWait& id) noexcept {
    if (Wait* const wait = find(id))
        wait->since = clock_.now();
}

void YieldMonitor::logged(const LockWait& id) noexcept {
    if (Wait* const wait = find(id))
        wait->is_logged = true;
}

void YieldMonitor::finish() noexcept {
    waits_.erase(
        std::remove_if(waits_.begin(), waits_.end(), [](const Wait& wait) { return !wait.is_checked; }),
        waits_.end());
}

string detail_of_yield(Timestamp waited, std::int32_t yield_after) {
    string text("This session's wait for a lock kept others waiting for ");
    text.append(length_of_time(waited));
    text.append(" (pg_sessionctl.yield_after is ");
    text.append(exact_time(yield_after));
    text.append(").");
    return text;
}

} // namespace sessionctl::core
