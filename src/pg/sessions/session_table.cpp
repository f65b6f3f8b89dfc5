#include "pg/sessions/session_table.hpp"

#include "pg/error.hpp"
#include "pg/sessions/commits.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

/// A field of the session's entry; empty if the entry is no longer this session's.
template <typename Field>
Field field_of(const core::Session& session, Field PgBackendStatus::*field) {
    return call([&] {
        Field value;
        read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
            value = identity_of(entry) == session.id ? entry.*field : Field{};
        });
        return value;
    });
}

/// Our other workers are connected to no database.
bool is_rules_worker(int pid) noexcept {
    const SharedMemory* const shared = shared_memory();
    return shared != nullptr && shared->rules.is_worker(pid);
}

} // namespace

core::Identity identity_of(const PgBackendStatus& entry) noexcept {
    return {entry.st_procpid, entry.st_proc_start_timestamp};
}

bool is_streaming(const core::Session& session) noexcept {
    return session.kind == core::Kind::database_walsender && compat::is_streaming(session.id.pid);
}

core::Session session_of(int slot, const PgBackendStatus& entry) {
    core::Session session = {};
    session.id = identity_of(entry);
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

bool is_listed(const core::Session& session) {
    return field_of(session, &PgBackendStatus::st_procpid) != 0;
}

SockAddr client_of(const core::Session& session) {
    return field_of(session, &PgBackendStatus::st_clientaddr);
}

Oid database_of(const core::Session& session) {
    return field_of(session, &PgBackendStatus::st_databaseid);
}

bool awaits_standby(const core::Session& session) {
    return call([&session] { return compat::awaits_standby(session.slot, session.id.pid); });
}

bool is_in_commit(const core::Session& session) {
    return commit_of(session) != Commit::none ||
           call([&session] { return compat::is_in_commit(session.slot, session.id.pid); });
}

bool is_past_abort(const core::Session& session) {
    const bool is_committed =
        core::transaction_start(session) != 0 && transaction_of(session) == InvalidLocalTransactionId;
    return is_committed || commit_of(session) == Commit::cannot_fail ||
           (is_in_commit(session) && !compat::waits_for_lock(session.slot, session.id.pid));
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
