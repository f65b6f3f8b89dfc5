// Logins under way: processes of clients that the session table does not show yet. One may stay there for as
// long as its client likes (PGOPTIONS='-c post_auth_delay=…'), past every check of who may connect.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

#include <optional>

namespace sessionctl::pg {

struct PendingLogin {
    int place; // in the process array
    int pid;
    Oid role;          // invalid: not authenticated yet
    Oid database;      // invalid: not chosen yet, or a walsender for physical replication, which has none
    bool has_database; // it has one, or waits for it; false: perhaps not yet
};

/// The pids of all clients' sessions in the session table, sorted.
core::vector<std::int32_t> listed_pids();

/// All processes of clients and walsenders, shown as sessions or not.
core::vector<PendingLogin> all_arrivals();
/// Those that are no sessions yet.
core::vector<PendingLogin> pending_logins();

/// Does it log in to a database, not for physical replication? Empty: that is not to be seen yet. For a
/// moment one that chooses its database looks like one that has none, where the library is not preloaded.
std::optional<bool> logs_in_to_database(const PendingLogin& pending_login) noexcept;

/// Ends it (SIGTERM) if it is still that login, of that role. False where it is not.
bool end_login(const PendingLogin& pending_login);

/// Ends the logins under way of whom the caller may end the sessions, superusers spared unless told
/// otherwise: those to this database, whether they are past its lock or still queue for it.
void end_logins_to_database(Oid database, bool include_superusers);

} // namespace sessionctl::pg
