// What a message says of a session that waits, but for no heavyweight lock.
#pragma once

#include "core/memory.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::api {

/// " but in IPC/SyncRep"; empty where it waits in nothing, or the caller may not see it, or before 9.6.
core::string lockless_wait(const pg::RosterEntry& session);

/// Who is in its way, or may be, in a sentence; empty where the server does not tell.
core::string others_in_way(const pg::Roster& roster, const pg::RosterEntry& session);

/// Where to look; empty where it waits in nothing.
const char* hint_for_lockless_wait(const pg::RosterEntry& session) noexcept;

} // namespace sessionctl::api
