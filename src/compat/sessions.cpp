// The session table and the process array, on every version.
#include "compat/postgres.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_authid.h"
#include "mb/pg_wchar.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/shmem.h"
#if PG_VERSION_NUM >= 140000 // 14: moved out of pgstat.h
#include "utils/wait_event.h"
#endif
#if PG_VERSION_NUM < 170000 // 17: BackendIdGetProc() is gone
#include "storage/sinvaladt.h"
#endif
}

namespace sessionctl::compat {

namespace {

// 10: auxiliary processes have entries too, after the backends'. 17: NUM_AUXPROCTYPES was replaced by the
// process array's NUM_AUXILIARY_PROCS.
#if PG_VERSION_NUM >= 170000
int status_slots() noexcept {
    return MaxBackends + NUM_AUXILIARY_PROCS;
}
#elif PG_VERSION_NUM >= 100000
int status_slots() noexcept {
    return MaxBackends + NUM_AUXPROCTYPES;
}
#else
int status_slots() noexcept {
    return MaxBackends;
}
#endif

// 17: a session's slot is its process number; before, its backend id less one.
#if PG_VERSION_NUM >= 170000
PGPROC* proc_at(int index) noexcept {
    return index >= 0 && index < status_slots() ? &ProcGlobal->allProcs[index] : nullptr;
}
#else
PGPROC* proc_at(int index) {
    return index < MaxBackends ? BackendIdGetProc(index + 1) : nullptr;
}
#endif

// 17: ProcNumberGetTransactionIds; 16: two more results.
void transaction_ids(int index, TransactionId& xid, TransactionId& xmin) {
    if (index >= MaxBackends)
        return;
#if PG_VERSION_NUM >= 170000
    int subxids;
    bool overflowed;
    ProcNumberGetTransactionIds(index, &xid, &xmin, &subxids, &overflowed);
#elif PG_VERSION_NUM >= 160000
    int subxids;
    bool overflowed;
    BackendIdGetTransactionIds(index + 1, &xid, &xmin, &subxids, &overflowed);
#else
    BackendIdGetTransactionIds(index + 1, &xid, &xmin);
#endif
}

// 9.6: PGPROC.wait_event_info and lock groups (parallel query); before, only the status entry's st_waiting.
void wait_and_group(const PGPROC& proc, ProcView& view) {
#if PG_VERSION_NUM >= 90600
    const uint32 wait_event_info = *const_cast<const volatile uint32*>(&proc.wait_event_info);
    view.wait_event_type = pgstat_get_wait_event_type(wait_event_info);
    view.wait_event = pgstat_get_wait_event(wait_event_info);
    const PGPROC* const leader = *const_cast<PGPROC* const volatile*>(&proc.lockGroupLeader);
    if (leader != nullptr && leader != &proc)
        view.leader_pid = leader->pid;
#endif
}

bool waits_for_lock(const PgBackendStatus& entry, const ProcView& view) noexcept {
#if PG_VERSION_NUM >= 90600
    return view.wait_event_type != nullptr && std::strcmp(view.wait_event_type, "Lock") == 0;
#else
    return entry.st_waiting;
#endif
}

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

// 14: PGPROC.statusFlags; before, vacuumFlags beside it.
int vacuum_flags_of(const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 140000
    return *const_cast<const volatile uint8*>(&proc.statusFlags);
#else
    return *const_cast<const volatile uint8*>(&ProcGlobal->allPgXact[proc.pgprocno].vacuumFlags);
#endif
}

#if PG_VERSION_NUM < 100000
// 10: st_backendType. Before it, the process's own flag tells.
bool is_autovacuum_worker(int index, const PgBackendStatus& entry) {
    const PGPROC* const proc = proc_at(index);
    return proc != nullptr && proc->pid == entry.st_procpid &&
           (vacuum_flags_of(*proc) & PROC_IS_AUTOVACUUM) != 0;
}
#endif

} // namespace

int own_slot() noexcept {
#if PG_VERSION_NUM >= 170000
    return MyProcNumber;
#else
    return MyBackendId - 1;
#endif
}

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
    return is_autovacuum_worker(index, entry) ? core::Kind::autovacuum_worker : worker_kind(index, entry);
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

#if PG_VERSION_NUM >= 90600 // 9.6: progress of commands
namespace {

/// Not one of core's commands: core's views ignore it.
constexpr int own_command = 0x5e5510;

int command_of(const PgBackendStatus& entry) noexcept {
    int command;
    static_assert(sizeof command == sizeof entry.st_progress_command);
    std::memcpy(&command, &entry.st_progress_command, sizeof command); // outside of the enumeration
    return command;
}

int own_command_now() {
    return command_of(const_cast<const PgBackendStatus&>(status_array().at(own_slot())));
}

} // namespace

void show_numbers(const int64* numbers, int count) {
    static constexpr int places[most_shown_numbers] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    if (own_command_now() == PROGRESS_COMMAND_INVALID)
        pgstat_progress_start_command(static_cast<ProgressCommandType>(own_command), InvalidOid);
    if (own_command_now() == own_command)
        pgstat_progress_update_multi_param(count, places, numbers);
}

void hide_numbers() {
    if (own_command_now() == own_command)
        pgstat_progress_end_command();
}

bool shown_numbers(const PgBackendStatus& entry, int64* numbers, int count) noexcept {
    static_assert(most_shown_numbers <= PGSTAT_NUM_PROGRESS_PARAM);
    if (command_of(entry) != own_command)
        return false;
    std::copy(entry.st_progress_param, entry.st_progress_param + count, numbers);
    return true;
}
#else
void show_numbers(const int64*, int) {}
void hide_numbers() {}
bool shown_numbers(const PgBackendStatus&, int64*, int) noexcept {
    return false;
}
#endif

ProcView proc_view(int index, const PgBackendStatus& entry) {
    ProcView view = {};
    const PGPROC* proc = proc_at(index);
#if PG_VERSION_NUM >= 100000 && PG_VERSION_NUM < 170000 // 10: auxiliary processes; 17: one array for all
    if (index >= MaxBackends)
        proc = AuxiliaryPidGetProc(entry.st_procpid);
#endif
    if (proc != nullptr && proc->pid == entry.st_procpid) {
        wait_and_group(*proc, view);
        transaction_ids(index, view.xid, view.xmin);
        // The slot belongs to another process now: what was read may be that one's.
        if (proc->pid != entry.st_procpid)
            view = {};
    }
    view.waits_for_lock = waits_for_lock(entry, view);
    return view;
}

const char* wait_event_of([[maybe_unused]] int index, [[maybe_unused]] int pid) noexcept {
#if PG_VERSION_NUM >= 90600 // 9.6: wait events
    const PGPROC* const proc = proc_at(index);
    if (proc != nullptr && proc->pid == pid)
        return pgstat_get_wait_event(*const_cast<const volatile uint32*>(&proc->wait_event_info));
#endif
    return nullptr;
}

// 12: walsenders have slots of their own, the last ones before the auxiliary processes'.
#if PG_VERSION_NUM >= 120000
int client_process_count() noexcept {
    return MaxConnections + max_wal_senders;
}

static PGPROC* client_proc(int index) noexcept {
    const int first_walsender = MaxBackends - max_wal_senders;
    return &ProcGlobal->allProcs[index < MaxConnections ? index : first_walsender + index - MaxConnections];
}
#else
int client_process_count() noexcept {
    return MaxConnections;
}

static PGPROC* client_proc(int index) noexcept {
    return &ProcGlobal->allProcs[index];
}
#endif

ClientProcess client_process_at(int index) {
    PGPROC* const proc = client_proc(index);
    const auto& live = *const_cast<const volatile PGPROC*>(proc);
    const ClientProcess process = {live.pid, live.roleId, live.databaseId, index >= MaxConnections,
                                   live.waitLock != nullptr};
    // Up to 13 the slot of a process that has ended keeps its pid; its contents are used only if the process
    // still runs.
    if (process.pid == 0 || BackendPidGetProc(process.pid) != proc)
        return {};
    return process;
}

bool is_own_session(int pid) noexcept {
#if PG_VERSION_NUM >= 90600 // 9.6: parallel workers
    const PGPROC* const leader = MyProc->lockGroupLeader;
    if (leader != nullptr && leader->pid == pid)
        return true;
#endif
    return pid == MyProcPid;
}

TransactionId next_transaction_id() {
#if PG_VERSION_NUM >= 140000 // 14: renamed
    return ReadNextTransactionId();
#else
    return ReadNewTransactionId();
#endif
}

bool is_streaming(int pid) noexcept {
    for (int i = 0; i < max_wal_senders; ++i) {
        const volatile WalSnd& walsender = WalSndCtl->walsnds[i];
        if (walsender.pid == pid)
            return walsender.state >= WALSNDSTATE_CATCHUP; // during a base backup it keeps an earlier state
    }
    return false;
}

bool is_ignored_by_vacuum(int pid) {
    const PGPROC* const proc = BackendPidGetProc(pid);
    return proc != nullptr && (vacuum_flags_of(*proc) & (PROC_IN_VACUUM | PROC_IN_LOGICAL_DECODING)) != 0;
}

bool awaits_standby(int index, int pid) {
    const PGPROC* const proc = proc_at(index);
    return proc != nullptr && proc->pid == pid && proc->syncRepState == SYNC_REP_WAITING;
}

bool is_in_transaction(int index, int pid) {
    const PGPROC* const proc = proc_at(index);
    if (proc == nullptr || proc->pid != pid)
        return false;
#if PG_VERSION_NUM >= 170000 // 17: moved into vxid
    const LocalTransactionId transaction = *const_cast<const volatile LocalTransactionId*>(&proc->vxid.lxid);
#else
    const LocalTransactionId transaction = *const_cast<const volatile LocalTransactionId*>(&proc->lxid);
#endif
    return LocalTransactionIdIsValid(transaction);
}

} // namespace sessionctl::compat
