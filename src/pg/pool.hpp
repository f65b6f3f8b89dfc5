// PgBouncer's own PAUSE and RESUME of one database, through dblink.
#pragma once

namespace sessionctl::pg {

/// Has PgBouncer hold back that database's clients; returns when no transaction is open in it any more.
/// False, with a NOTICE, where it is paused already. On an error, a cancel included, it has been resumed.
/// Errors: those of DblinkConnection and of core::console_name; 55006 where its server connections do not
/// come to rest within 5 s; 3D000 where PgBouncer has no such database; what else PgBouncer answers.
bool pause_pool(const char* server, const char* database);

/// Lets them go on. False, with a NOTICE, where it is not paused.
bool resume_pool(const char* server, const char* database);

} // namespace sessionctl::pg
