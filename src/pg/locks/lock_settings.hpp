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

/// The shortest patience or yield_after that a session has (ms); 0: nobody has any.
std::int32_t shortest_watched_time() noexcept;
/// Does a session with one of them wait for a lock at this moment?
bool is_any_watched_waiting() noexcept;

/// Has the reaper's next look at lock waits be early enough for a patience or yield_after of this time (ms).
/// True: it was not, and the reaper has to be woken. Happens once between two looks at most.
bool bring_lock_look_forward(std::int32_t time) noexcept;

} // namespace sessionctl::pg
