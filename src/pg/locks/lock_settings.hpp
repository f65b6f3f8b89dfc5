// Lock priority, patience and yield_after: parameters of each session, which the reaper reads in its slot.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/lock_priority.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace sessionctl::pg {

/// Called once, from _PG_init.
void define_lock_settings();

/// The values in the configuration, as this process has them: those of all sessions without their own. Called
/// by the process that creates shared memory, and by the reaper.
void publish_general_lock_settings() noexcept;

/// Of another session: its own, or else the general ones. Without shared memory: the defaults.
core::LockSettings lock_settings_of(const core::Session& session) noexcept;
/// None: not known, since it is no client's.
std::optional<core::LockPriority> lock_priority_of(const core::Session& session) noexcept;

/// A lock of a relation, row or transaction: nobody is ended for others.
bool is_acted_on(const LOCKTAG& lock) noexcept;
/// A lock of a relation: no wait for another is given up for those behind it.
bool is_yielded(const LOCKTAG& lock) noexcept;

/// Of all sessions with a patience or with yield_after, at this moment.
struct WatchedWaits {
    std::int32_t shortest_time; // ms, of these settings; 0: none is set
    bool is_any;                // one of them waits for a lock
};
WatchedWaits watched_waits() noexcept;

} // namespace sessionctl::pg
