#include "core/locks/yield.hpp"

#include "core/reaper/violation_text.hpp"

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

vector<const ProcLock*> kept_waiting_by(const Party& party, ProcLocksOfLock lock) {
    vector<const ProcLock*> kept;
    for (const ProcLock* waiter = lock.first; waiter != lock.end; ++waiter)
        if (waiter->wanted != 0 && is_kept_by(party, *waiter, lock))
            kept.push_back(waiter);
    return kept;
}

void YieldMonitor::begin(Timestamp monotonic) noexcept {
    now_ = monotonic;
    next_look_ = PatienceMonitor::never;
    for (Wait& wait : waits_)
        wait.is_checked = false;
}

std::optional<Timestamp> YieldMonitor::check(const LockWait& id, std::int32_t yield_after, Timestamp since) {
    Wait* wait = find_wait(waits_, id);
    if (wait == nullptr)
        wait = &*waits_.insert(place_of_waiter(waits_, id.waiter.pid), Wait{id, since, false, true});
    wait->is_checked = true;
    const Timestamp due = wait->since + yield_after * microseconds_per_millisecond;
    if (wait->is_logged)
        return std::nullopt;
    if (now_ < due) {
        next_look_ = std::min(next_look_, due);
        return std::nullopt;
    }
    return now_ - wait->since;
}

void YieldMonitor::cancelled(const LockWait& id) noexcept {
    if (Wait* const wait = find_wait(waits_, id))
        wait->since = now_;
}

void YieldMonitor::logged(const LockWait& id) noexcept {
    if (Wait* const wait = find_wait(waits_, id))
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
