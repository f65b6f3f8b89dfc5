#include "pg/sessions/session_table.hpp"

#include "compat/process_places.hpp"
#include "pg/clients/client_presence.hpp"
#include "pg/error.hpp"
#include "pg/sessions/commits.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

/// A session leaves the session table first and the process array later; only then it is gone. If its pid is
/// in the table again, the process in the array is another one.
bool is_exiting(int pid) {
    return call([pid] {
        if (BackendPidGetProc(pid) == nullptr)
            return false;
        const compat::StatusArray table = compat::status_array();
        for (int slot = 0; slot < table.count; ++slot)
            if (table.entries[slot].st_procpid == pid)
                return false;
        return true;
    });
}

/// All but whether it is present.
core::Observation look_at_table(const core::Session& session) {
    return call([&session] {
        core::Observation observed = {};
        read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
            observed.listed = core::Identity{entry.st_procpid, entry.st_proc_start_timestamp} == session.id;
            observed.state = compat::state_of(entry);
            observed.state_change = entry.st_state_start_timestamp;
            observed.query_start = entry.st_activity_start_timestamp;
            observed.xact_start = entry.st_xact_start_timestamp;
        });
        observed.is_streaming = is_streaming(session);
        observed.is_in_transaction =
            core::is_background(session.kind) && compat::is_in_transaction(session.slot, session.id.pid);
        if (session.kind == core::Kind::walsender || observed.is_streaming)
            observed.xact_start = 0;
        return observed;
    });
}

/// Our other workers are connected to no database.
bool is_rules_worker(int pid) noexcept {
    const SharedMemory* const shared = shared_memory();
    return shared != nullptr && pid != 0 && shared->rules.pid == pid;
}

} // namespace

bool is_streaming(const core::Session& session) noexcept {
    return session.kind == core::Kind::database_walsender && compat::is_streaming(session.id.pid);
}

core::Session session_of(int slot, const PgBackendStatus& entry) {
    core::Session session = {};
    session.id = {entry.st_procpid, entry.st_proc_start_timestamp};
    session.slot = slot;
    session.kind = is_rules_worker(entry.st_procpid) ? core::Kind::other : compat::kind_of(slot, entry);
    session.state = compat::state_of(entry);
    session.is_self = compat::is_own_session(entry.st_procpid);
    session.state_change = entry.st_state_start_timestamp;
    session.query_start = entry.st_activity_start_timestamp;
    if (session.kind != core::Kind::walsender && !is_streaming(session))
        session.xact_start = entry.st_xact_start_timestamp;
    return session;
}

void list_sessions(core::vector<core::Session>& sessions) {
    const compat::StatusArray table = compat::status_array();
    for (int slot = 0; slot < table.count; ++slot) {
        if (table.entries[slot].st_procpid <= 0)
            continue;
        PgBackendStatus entry;
        read_consistently(table.entries[slot], [&entry](const PgBackendStatus& live) {
            std::memcpy(&entry, &live, sizeof entry);
        });
        if (entry.st_procpid > 0)
            sessions.push_back(session_of(slot, entry));
    }
}

core::Identity own_identity() {
    return call([] {
        const compat::StatusArray table = compat::status_array();
        return core::Identity{MyProcPid, table.at(compat::own_slot()).st_proc_start_timestamp};
    });
}

bool RecentProcesses::has(int pid) {
    if (pids_.empty()) {
        compat::list_process_pids(pids_);
        std::sort(pids_.begin(), pids_.end());
    }
    return std::binary_search(pids_.begin(), pids_.end(), pid);
}

core::Observation look_at(const core::Session& session, RecentProcesses* processes) {
    core::Observation observed = look_at_table(session);
    observed.present = observed.listed || ((processes == nullptr || processes->has(session.id.pid)) &&
                                           is_exiting(session.id.pid));
    return observed;
}

bool is_listed(const core::Session& session) {
    return call([&session] {
        bool is_same = false;
        read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
            is_same = core::Identity{entry.st_procpid, entry.st_proc_start_timestamp} == session.id;
        });
        return is_same;
    });
}

SockAddr client_of(const core::Session& session) {
    return call([&session] {
        SockAddr client;
        read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
            const core::Identity identity = {entry.st_procpid, entry.st_proc_start_timestamp};
            client = identity == session.id ? entry.st_clientaddr : SockAddr{};
        });
        return client;
    });
}

bool is_client_gone(const core::Session& session) {
    return client_presence_of(session.id.pid, client_of(session)) == ClientPresence::gone;
}

bool awaits_standby(const core::Session& session) {
    return call([&session] { return compat::awaits_standby(session.slot, session.id.pid); });
}

bool is_in_commit(const core::Session& session) {
    return has_begun_commit(session) ||
           call([&session] { return compat::is_in_commit(session.slot, session.id.pid); });
}

Oid database_of(const core::Session& session) {
    return call([&session] {
        Oid database = InvalidOid;
        read_consistently(compat::status_array().entries[session.slot], [&](const PgBackendStatus& entry) {
            const core::Identity identity = {entry.st_procpid, entry.st_proc_start_timestamp};
            database = identity == session.id ? entry.st_databaseid : InvalidOid;
        });
        return database;
    });
}

ClientWait client_wait_of(const core::Session& session) noexcept {
    const bool is_active = core::is_active(session.state);
    if (!is_active && !core::delivers_notifications(session))
        return ClientWait::none;
    const char* const event = compat::wait_event_of(session.slot, session.id.pid);
    if (event != nullptr && is_active && std::strcmp(event, "ClientRead") == 0)
        return ClientWait::read;
    if (event != nullptr && std::strcmp(event, "ClientWrite") == 0)
        return ClientWait::write;
    return ClientWait::none;
}

} // namespace sessionctl::pg
