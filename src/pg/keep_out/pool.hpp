// PgBouncer's own PAUSE and RESUME of one database, through dblink.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Has PgBouncer hold back that database's clients; returns when no transaction is open in it any more.
/// False, with a NOTICE, where it is paused already. On an error, a cancel included, it has been resumed.
/// Errors: those of DblinkConnection and of core::console_name; 55006 where its server connections do not
/// come to rest within 5 s; 3D000 where PgBouncer has no such database; what else PgBouncer answers.
bool pause_pool(const char* server, const char* database);

/// Lets them go on. False, with a NOTICE, where it is not paused.
bool resume_pool(const char* server, const char* database);

/// Does `before` and then lets them go on: where PgBouncer answers no more by then, a WARNING. The connection
/// is there before it, so that nobody waits for it while `before` holds a lock. False, and nothing done, with
/// a WARNING, where PgBouncer can't be reached, or the server belongs to neither the caller nor a superuser:
/// its owner would choose where the caller connects to.
bool resume_pool_after(const char* server, const char* database, const std::function<void()>& before);

/// In a failed call, outside of what has failed: whoever can't be let in again must not wait for ever. A
/// WARNING where that fails.
void resume_after_failure(const char* server, const char* database);
/// Should this transaction end otherwise, a WARNING says what to do.
void keep_paused_if_committed(const char* server, const char* database);

} // namespace sessionctl::pg
