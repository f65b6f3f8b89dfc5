// PgBouncer's own PAUSE and RESUME of one database, through dblink.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// PAUSE: PgBouncer stops that database's clients; returns when no transaction is open in it any more. False,
/// with a NOTICE, if it is paused already. After an error or a cancel it has been resumed. Errors: those of
/// DblinkConnection and of core::console_name; 55006 if transactions are still open after 5 s; 3D000 if
/// PgBouncer has no such database; other answers of PgBouncer.
bool pause_pool(const char* server, const char* database);

/// RESUME. False, with a NOTICE, if it is not paused.
bool resume_pool(const char* server, const char* database);

/// Calls `before`, then resumes; a WARNING if PgBouncer does not answer any more. It connects before, so that
/// nothing waits for that while `before` holds a lock. False, with a WARNING and nothing done, if PgBouncer
/// can't be reached, or if the server belongs to neither the caller nor a superuser: its owner would choose
/// where the caller connects to.
bool resume_pool_after(const char* server, const char* database, const std::function<void()>& before);

/// After a failed call, outside of what failed: the clients must not wait forever. A WARNING if that fails,
/// too.
void resume_after_failure(const char* server, const char* database);
/// If this transaction does not commit, a WARNING says what to do.
void keep_paused_if_committed(const char* server, const char* database);

} // namespace sessionctl::pg
