#include "pg/logins/pending_logins.hpp"

#include "compat/locks.hpp"
#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/signals.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

#include <csignal>

extern "C" {
#include "catalog/pg_database.h"
}

namespace sessionctl::pg {

namespace {

bool is_same(const PendingLogin& pending_login) {
    const compat::ClientProcess now = compat::client_process_at(pending_login.place);
    return now.pid == pending_login.pid && now.role == pending_login.role;
}

/// A login that waits for its database's lock has no database in the process array yet. Up to 11 all places
/// are clients'.
bool has_database(const compat::ClientProcess& process) noexcept {
    return !process.is_walsender || OidIsValid(process.database) || process.waits_for_lock;
}

/// The processes that wait for the lock that a login takes on its database.
core::vector<int> queue_of(Oid database) {
    core::vector<int> pids(compat::max_backends());
    LOCKTAG tag;
    SET_LOCKTAG_OBJECT(tag, InvalidOid, DatabaseRelationId, database, 0);
    pids.resize(call([&] {
        return compat::waiters_for(tag, RowExclusiveLock, pids.data(), static_cast<int>(pids.size()));
    }));
    return pids;
}

/// Negative: a walsender's; 0: none.
std::int32_t pass_of(int pid) noexcept {
    SharedMemory* const shared = shared_memory();
    for (int i = 0; shared != nullptr && i < shared->slot_count; ++i)
        if (const std::int32_t pass = shared->slots[i].pass.pid; std::abs(pass) == pid)
            return pass;
    return 0;
}

} // namespace

core::vector<std::int32_t> listed_pids() {
    core::vector<core::Session> sessions;
    call([&sessions] { list_sessions(sessions); });
    core::vector<std::int32_t> pids;
    for (const core::Session& session : sessions)
        // From 18 on a login is in the session table from its beginning, but not yet visible to a condition.
        if ((core::is_login(session.kind) || session.kind == core::Kind::walsender) &&
            session.state != core::State::starting)
            pids.push_back(session.id.pid);
    std::sort(pids.begin(), pids.end());
    return pids;
}

core::vector<PendingLogin> client_processes() {
    core::vector<PendingLogin> found;
    call([&found] {
        for (int place = 0; place < compat::client_process_count(); ++place) {
            const compat::ClientProcess process = compat::client_process_at(place);
            if (process.pid != 0 && process.pid != MyProcPid)
                found.push_back({place, process.pid, process.role, process.database, has_database(process)});
        }
    });
    return found;
}

core::vector<PendingLogin> pending_logins() {
    core::vector<PendingLogin> found = client_processes();
    // Read after the processes: those that have become sessions since are left out.
    const core::vector<std::int32_t> listed = listed_pids();
    const auto is_listed = [&listed](const PendingLogin& each) {
        return std::binary_search(listed.begin(), listed.end(), each.pid);
    };
    found.erase(std::remove_if(found.begin(), found.end(), is_listed), found.end());
    return found;
}

std::optional<bool> logs_in_to_database(const PendingLogin& pending_login) noexcept {
    if (const std::int32_t pass = pass_of(pending_login.pid))
        return pass > 0;
    return pending_login.has_database ? std::optional<bool>(true) : std::nullopt;
}

bool is_leaving(const PendingLogin& process) noexcept {
    return shared_memory() != nullptr && OidIsValid(process.role) && pass_of(process.pid) == 0;
}

bool end_login(const PendingLogin& pending_login) {
    Signaller signaller;
    return signaller.pin(pending_login.pid) && call([&] { return is_same(pending_login); }) &&
           signaller.send(SIGTERM) == core::Delivery::delivered;
}

void end_logins_to_database(Oid database, bool include_superusers) {
    const core::vector<int> queue = queue_of(database);
    for (const PendingLogin& pending_login : pending_logins()) {
        const bool queues = std::find(queue.begin(), queue.end(), pending_login.pid) != queue.end();
        if (!OidIsValid(pending_login.role) || (pending_login.database != database && !queues))
            continue;
        const bool may_end = call([&] {
                                 if (superuser_arg(pending_login.role))
                                     return include_superusers && superuser();
                                 return queues || compat::may_signal(GetUserId(), pending_login.role);
                             }) &&
                             !is_protected_role(pending_login.role);
        if (may_end)
            end_login(pending_login);
    }
}

} // namespace sessionctl::pg
