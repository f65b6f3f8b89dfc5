// Texts about a session that waits, but not for a heavyweight lock.
#pragma once

#include "core/memory.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::api {

/// " but in IPC/SyncRep"; empty if it does not wait, if the caller may not see that, and before 9.6.
core::string non_lock_wait(const pg::RosterEntry& session);

/// A sentence about the sessions that block it, or may block it; empty if they are not known.
core::string others_in_way(const pg::Roster& roster, const pg::RosterEntry& session);

/// The HINT; empty if it does not wait.
const char* hint_for_non_lock_wait(const pg::RosterEntry& session) noexcept;

} // namespace sessionctl::api
