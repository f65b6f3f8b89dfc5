// What the two methods of lockdown_server have in common.
#pragma once

#include "core/memory.hpp"
#include "pg/keep_out/server_sweep.hpp"

namespace sessionctl::api {

struct ServerLockdown {
    pg::GateState state = {};                // whom it refuses, and what it tells, in UTF-8
    bool refuses_database_walsenders = true; // of the roles that it refuses
    core::vector<const char*> allow_roles;
    bool terminate = true;
    std::int64_t timeout = 0; // ms
    const char* reason = nullptr;
};

/// Ends all who would now be refused: sessions, counted, and logins under way.
std::int64_t empty_the_server(const ServerLockdown& lockdown, pg::ServerSweep& sweep);

/// Names the roles that logical replication needs and the lockdown refuses. Before their sessions are ended:
/// then nobody would know them.
void warn_of_logical_replication(const ServerLockdown& lockdown);

/// Errors: 55000 where the library is not preloaded.
void require_preload();
/// The same where the gate is switched off.
void require_gate_setting();
/// Both.
void require_gate();
/// How many sessions were ended.
std::int64_t lock_gate(const ServerLockdown& lockdown);
/// False where it is open.
bool unlock_gate(const pg::GateState& open);

/// By pg_hba.conf: errors: 42501 for who is no superuser, 55000 in single-user mode.
void require_hba();
/// Errors: 22023 for hold and until; those of the file, core::hba's among them.
std::int64_t lock_hba(const ServerLockdown& lockdown);
/// False where there is no block in it.
bool unlock_hba(const pg::GateState& open);

} // namespace sessionctl::api
