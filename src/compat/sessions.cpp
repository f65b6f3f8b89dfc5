// The session table, on every version.
#include "compat/processes.hpp"

extern "C" {
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/shmem.h"
#if PG_VERSION_NUM >= 140000 // 14: moved out of pgstat.h
#include "utils/wait_event.h"
#endif
}

namespace sessionctl::compat {

namespace {

#if PG_VERSION_NUM < 100000
// 10: st_backendType. Before it: a client has an address, a walsender is in the walsenders' array.
bool is_walsender(int pid) {
    for (int i = 0; i < max_wal_senders; ++i) {
        const volatile WalSnd& walsender = WalSndCtl->walsnds[i];
        if (walsender.pid == pid)
            return true;
    }
    return false;
}

bool has_client_address(const PgBackendStatus& entry) noexcept {
    static const SockAddr no_address = {};
    return std::memcmp(&entry.st_clientaddr, &no_address, sizeof no_address) != 0;
}
#endif

core::Kind walsender_kind(const PgBackendStatus& entry) noexcept {
    return OidIsValid(entry.st_databaseid) ? core::Kind::database_walsender : core::Kind::walsender;
}

// 9.6: parallel workers, known by their lock group.
core::Kind worker_kind(int index, const PgBackendStatus& entry) {
    if (proc_view(index, entry).leader_pid != 0)
        return core::Kind::parallel_worker;
    return OidIsValid(entry.st_databaseid) ? core::Kind::background_worker : core::Kind::other;
}

} // namespace

volatile PgBackendStatus& StatusArray::at(int slot) const {
    if (slot < 0 || slot >= count)
        elog(ERROR, "the server's session table has no place %d", slot);
    return entries[slot];
}

StatusArray status_array() {
    // 14: MyBEEntry, this process's own entry, is exported. Before, the array is found in shared memory by
    // its name; its size has to be exact, and has not changed since 9.0.
#if PG_VERSION_NUM >= 140000
    return {MyBEEntry - own_slot(), status_slots()};
#else
    static volatile PgBackendStatus* entries = nullptr;
    if (entries == nullptr) {
        bool found;
        void* const array = ShmemInitStruct("Backend Status Array",
                                            mul_size(sizeof(PgBackendStatus), status_slots()), &found);
        if (!found)
            elog(ERROR, "the server's session table was not found in shared memory");
        entries = static_cast<PgBackendStatus*>(array);
    }
    return {entries, status_slots()};
#endif
}

// 9.6: the type of a wait event is its highest byte.
const char* wait_event_type(int number) noexcept {
#if PG_VERSION_NUM >= 90600
    const char* const type = pgstat_get_wait_event_type(static_cast<uint32>(number) << 24);
    return type != nullptr && std::strcmp(type, "???") != 0 ? type : nullptr;
#else
    static_cast<void>(number);
    return nullptr;
#endif
}

core::Kind kind_of(int index, const PgBackendStatus& entry) {
#if PG_VERSION_NUM >= 100000 // 10: st_backendType
    switch (entry.st_backendType) {
    case B_BACKEND:
        // 18: a login that is not authenticated yet has an entry, but no role.
        return OidIsValid(entry.st_userid) ? core::Kind::client : core::Kind::other;
    case B_WAL_SENDER:
        return walsender_kind(entry);
    case B_AUTOVAC_WORKER:
        return OidIsValid(entry.st_databaseid) ? core::Kind::autovacuum_worker : core::Kind::other;
    case B_BG_WORKER:
        return worker_kind(index, entry);
    default:
        return core::Kind::other;
    }
#else
    if (is_walsender(entry.st_procpid))
        return walsender_kind(entry);
    if (has_client_address(entry))
        return core::Kind::client;
    return is_autovacuum_process(index, entry.st_procpid) ? core::Kind::autovacuum_worker
                                                          : worker_kind(index, entry);
#endif
}

core::State state_of(const PgBackendStatus& entry) noexcept {
    switch (entry.st_state) {
#if PG_VERSION_NUM >= 180000 // 18: logins under way
    case STATE_STARTING:
        return core::State::starting;
#endif
    case STATE_IDLE:
        return core::State::idle;
    case STATE_RUNNING:
        return core::State::active;
    case STATE_IDLEINTRANSACTION:
        return core::State::idle_in_transaction;
    case STATE_FASTPATH:
        return core::State::fastpath;
    case STATE_IDLEINTRANSACTION_ABORTED:
        return core::State::idle_in_transaction_aborted;
    case STATE_DISABLED:
        return core::State::disabled;
    default:
        return core::State::undefined;
    }
}

const char* backend_type_of(const PgBackendStatus& entry, core::Kind kind) {
#if PG_VERSION_NUM >= 110000 // 11: bgw_type
    if (entry.st_backendType == B_BG_WORKER)
        return GetBackgroundWorkerTypeByPid(entry.st_procpid);
#endif
#if PG_VERSION_NUM >= 130000 // 13: one list of descriptions for all of the server
    return GetBackendTypeDesc(entry.st_backendType);
#elif PG_VERSION_NUM >= 100000
    return pgstat_get_backend_desc(entry.st_backendType);
#else
    switch (kind) {
    case core::Kind::client:
        return "client backend";
    case core::Kind::walsender:
    case core::Kind::database_walsender:
        return "walsender";
    case core::Kind::parallel_worker:
        return "parallel worker";
    case core::Kind::autovacuum_worker:
        return "autovacuum worker";
    case core::Kind::background_worker:
        return "background worker";
    case core::Kind::other:
        return nullptr; // connected to no database: its type is not known
    }
    return nullptr;
#endif
}

const char* activity_of(const PgBackendStatus& entry) noexcept {
#if PG_VERSION_NUM >= 110000 // 11: st_activity became st_activity_raw, cut anywhere
    return entry.st_activity_raw;
#else
    return entry.st_activity;
#endif
}

void set_activity(PgBackendStatus& entry, char* activity) noexcept {
#if PG_VERSION_NUM >= 110000 // 11: as above
    entry.st_activity_raw = activity;
#else
    entry.st_activity = activity;
#endif
}

bool is_cut_activity([[maybe_unused]] const char* activity) noexcept {
#if PG_VERSION_NUM >= 110000 // 11: the server cut it between characters before
    return std::strlen(activity) + 1 >= static_cast<std::size_t>(pgstat_track_activity_query_size);
#else
    return false;
#endif
}

int64 query_id_of(const PgBackendStatus& entry) noexcept {
#if PG_VERSION_NUM >= 140000 // 14: st_query_id
    return static_cast<int64>(entry.st_query_id);
#else
    return 0;
#endif
}

} // namespace sessionctl::compat
