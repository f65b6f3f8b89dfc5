// Pending logins: client processes that the session table does not show yet. A client can keep its login in
// that state (PGOPTIONS='-c post_auth_delay=…'), past all checks of its right to connect.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

#include <optional>

namespace sessionctl::pg {

struct PendingLogin {
    int place; // in the process array
    int pid;
    Oid role;          // invalid: not authenticated yet
    Oid database;      // invalid: none yet, or a walsender for physical replication
    bool has_database; // it has one, or waits for its lock; false: perhaps not yet
};

/// The pids of all clients' sessions in the session table, sorted.
core::vector<std::int32_t> listed_pids();

/// All processes of clients and walsenders, shown as sessions or not.
core::vector<PendingLogin> client_processes();
/// The processes that are no sessions yet.
core::vector<PendingLogin> pending_logins();

/// Does it log in to a database, and not for physical replication? Empty: not known yet. Without the library
/// preloaded, a login that is about to get its database looks for a moment like one without.
std::optional<bool> logs_in_to_database(const PendingLogin& pending_login) noexcept;

/// Is it no login but a session on its way out? It gives up its pass, which a login gets before its role is
/// known, before it leaves the session table. False where the library is not preloaded.
bool is_leaving(const PendingLogin& process) noexcept;

/// Sends SIGTERM if it is still the same login with that role. False if it is not.
bool end_login(const PendingLogin& pending_login);

/// Ends the pending logins to this database, whether they have its lock or wait for it, if the caller may end
/// the role's sessions. Superusers are spared unless included.
void end_logins_to_database(Oid database, bool include_superusers);

} // namespace sessionctl::pg
