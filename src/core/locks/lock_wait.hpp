// One wait for one lock, as it is known again from look to look.
#pragma once

#include "core/sessions/session.hpp"

#include <algorithm>

namespace sessionctl::core {

/// One wait for one lock. A statement may wait for the same lock more than once: it gave up and tries again.
struct LockWait {
    Identity waiter;
    Timestamp statement; // its start (wall clock)
    std::uint64_t lock;
    std::int32_t mode = 0;
    Timestamp xact_start = 0;  // wall clock
    Timestamp since = 0;       // of the wait (wall clock), as the server tells; 0: it does not
    std::uint32_t attempt = 0; // as in ProcLock

    bool operator==(const LockWait& other) const noexcept {
        return waiter == other.waiter && statement == other.statement && lock == other.lock &&
               mode == other.mode && xact_start == other.xact_start && since == other.since &&
               attempt == other.attempt;
    }
};

/// The place of the first entry with this pid, or where it belongs: entries have an `id`, and are in the
/// order of its waiters' pids.
template <typename Entries>
auto place_of_waiter(Entries& entries, std::int32_t pid) noexcept {
    return std::lower_bound(entries.begin(), entries.end(), pid, [](const auto& entry, std::int32_t wanted) {
        return entry.id.waiter.pid < wanted;
    });
}

/// Null: there is none.
template <typename Entries>
auto* find_wait(Entries& entries, const LockWait& wait) noexcept {
    auto entry = place_of_waiter(entries, wait.waiter.pid);
    while (entry != entries.end() && entry->id.waiter.pid == wait.waiter.pid && !(entry->id == wait))
        ++entry;
    return entry != entries.end() && entry->id == wait ? &*entry : nullptr;
}

} // namespace sessionctl::core
