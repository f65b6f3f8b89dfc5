// Sessions that wait for others, but not for a heavyweight lock, and their blockers.
#pragma once

#include "core/locks/non_lock_wait.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// Does it wait so, and may the caller see it? Waits for the client or for the next task have no blocker;
/// waits for a heavyweight lock are in LockWaits.
bool waits_without_lock(const RosterEntry& entry) noexcept;

/// Pids of its blockers, or (core::knows_blockers) possible blockers, as far as the server tells; parallel
/// workers as their leader. For a session that waits so.
core::vector<int> others_in_way(const Roster& roster, const RosterEntry& entry);

struct NonLockWait {
    const RosterEntry* entry;
    int pid; // of the session; for a parallel worker, its leader
    core::NonLockWait kind;
    core::vector<int> others;
};

/// All waits with known blockers, one for each session.
core::vector<NonLockWait> non_lock_waits(const Roster& roster);

} // namespace sessionctl::pg
