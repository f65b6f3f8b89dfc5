// What a session waits in that waits for no heavyweight lock, and who is in its way there.
#pragma once

#include "core/memory.hpp"
#include "pg/roster.hpp"

namespace sessionctl::api {

/// " but in IPC/SyncRep"; empty where it waits in nothing, or the caller may not see it, or before 9.6.
core::string lockless_wait(const pg::RosterEntry& session);

/// The sessions that a deferrable transaction waits for, in a sentence (10); empty for all other waits.
core::string safe_snapshot_blockers(const pg::RosterEntry& session);

/// Where to look; empty where it waits in nothing.
const char* hint_for_lockless_wait(const pg::RosterEntry& session) noexcept;

} // namespace sessionctl::api
