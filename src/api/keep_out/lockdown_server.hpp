// What the two methods of lockdown_server have in common.
#pragma once

#include "core/memory.hpp"
#include "pg/logins/server_sweep.hpp"

namespace sessionctl::api {

struct ServerLockdown {
    pg::GateState state = {};                // what it refuses and shows, in UTF-8
    bool refuses_database_walsenders = true; // of the roles that it refuses
    core::vector<const char*> allow_roles;
    bool terminate = true;
    std::int64_t timeout = 0; // ms
    const char* reason = nullptr;
};

/// Ends all sessions that would now be refused, and logins in progress. Returns the number of sessions.
std::int64_t end_refused_sessions(const ServerLockdown& lockdown, pg::ServerSweep& sweep);

/// Warns of roles that logical replication needs and the lockdown refuses. Call it before their sessions are
/// ended: they are found by these.
void warn_of_logical_replication(const ServerLockdown& lockdown);

/// Errors: 55000 where the library is not preloaded.
void require_preload();
/// Errors: 55000 if pg_sessionctl.gate is off.
void require_gate_setting();
/// Both.
void require_gate();
/// Returns the number of sessions ended.
std::int64_t lock_gate(const ServerLockdown& lockdown);
/// Returns false if it is not locked down.
bool unlock_gate(const pg::GateState& open);

/// By pg_hba.conf. Errors: 42501 if the caller is no superuser, 55000 in single-user mode.
void require_hba();
/// Errors: 22023 for hold and until; those of the file, core::hba's among them.
std::int64_t lock_hba(const ServerLockdown& lockdown);
/// Returns false if the file has no lockdown.
bool unlock_hba(const pg::GateState& open);

} // namespace sessionctl::api
