// Who waits for others, but for no heavyweight lock, and who is in its way.
#pragma once

#include "core/locks/lockless_wait.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// Does it wait so, and may the caller see it? Waits for a client, or the next task, are not for anybody in
/// the way; one for a lock is over.
bool waits_without_lock(const RosterEntry& entry) noexcept;

/// Pids of those in its way, or (core::knows_blockers) that may be, as far as the server tells; parallel
/// workers as their leader. For a session that waits so.
core::vector<int> others_in_way(const Roster& roster, const RosterEntry& entry);

struct LocklessWait {
    const RosterEntry* entry;
    int pid; // of the session: a parallel worker's leader
    core::LocklessWait kind;
    core::vector<int> others;
};

/// All waits about which something is known, one for each session.
core::vector<LocklessWait> lockless_waits(const Roster& roster);

} // namespace sessionctl::pg
