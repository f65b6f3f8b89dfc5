// Logins under way: processes of clients that the session table does not show yet. One may stay there for as
// long as its client likes (PGOPTIONS='-c post_auth_delay=…'), past every check of who may connect.
#pragma once

#include "core/memory.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

struct Newcomer {
    int place; // in the process array
    int pid;
    Oid role;     // invalid: not authenticated yet
    Oid database; // invalid: not chosen yet
};

/// The pids of all clients' sessions in the session table, sorted.
core::vector<std::int32_t> listed_pids();

/// All clients' processes, shown as sessions or not.
core::vector<Newcomer> all_arrivals();
/// Those that are no sessions yet.
core::vector<Newcomer> newcomers();

/// Ends it (SIGTERM) if it is still that login, of that role. False where it is not.
bool turn_away(const Newcomer& newcomer);

/// Ends the logins under way of whom the caller may end the sessions, superusers spared unless told
/// otherwise: those to this database, whether they are past its lock or still queue for it.
void turn_away_from_database(Oid database, bool include_superusers);

} // namespace sessionctl::pg
