// Shared memory and background workers, on every version.
#include "compat/postgres.hpp"

extern "C" {
#include "access/xact.h"
#include "commands/async.h"
#include "postmaster/autovacuum.h"
#include "replication/walsender.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
#include "storage/sinval.h"
#include "utils/acl.h"
#include "utils/guc.h"
}

namespace sessionctl::compat {

namespace {

constexpr char tranche[] = "pg_sessionctl";

Size (*wanted_size)() = nullptr;
void (*attach_memory)() = nullptr;
shmem_startup_hook_type previous_startup = nullptr;

void request() {
    RequestAddinShmemSpace(wanted_size());
#if PG_VERSION_NUM >= 90600 // 9.6: locks have names
    RequestNamedLWLockTranche(tranche, shared_memory_locks);
#else
    RequestAddinLWLocks(shared_memory_locks);
#endif
}

extern "C" void sessionctl_shmem_startup(void) {
    if (previous_startup != nullptr)
        previous_startup();
    attach_memory();
}

#if PG_VERSION_NUM >= 150000 // 15: shmem_request_hook
shmem_request_hook_type previous_request = nullptr;

extern "C" void sessionctl_shmem_request(void) {
    if (previous_request != nullptr)
        previous_request();
    request();
}
#endif

} // namespace

int max_backends() noexcept {
#if PG_VERSION_NUM >= 150000 // 15: known before shared memory is asked for
    return MaxBackends;
#else
    int count = MaxConnections + autovacuum_max_workers + 1 + max_worker_processes;
#if PG_VERSION_NUM >= 120000 // 12: walsenders no longer count as connections
    count += max_wal_senders;
#endif
    return count;
#endif
}

void request_shared_memory(Size (*size)(), void (*attach)()) {
    wanted_size = size;
    attach_memory = attach;
#if PG_VERSION_NUM >= 150000 // 15: shmem_request_hook
    previous_request = std::exchange(shmem_request_hook, sessionctl_shmem_request);
#else
    request();
#endif
    previous_startup = std::exchange(shmem_startup_hook, sessionctl_shmem_startup);
}

LWLock* shared_memory_lock([[maybe_unused]] int number) {
#if PG_VERSION_NUM >= 90600 // 9.6: named tranches
    return &GetNamedLWLockTranche(tranche)[number].lock;
#else
    return LWLockAssign();
#endif
}

BackgroundWorker describe_worker(const char* name, const char* function) {
    BackgroundWorker worker = {};
    strlcpy(worker.bgw_name, name, sizeof worker.bgw_name);
#if PG_VERSION_NUM >= 110000 // 11: bgw_type, what pg_stat_activity shows
    strlcpy(worker.bgw_type, name, sizeof worker.bgw_type);
#endif
    worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
    worker.bgw_start_time = BgWorkerStart_ConsistentState;
    worker.bgw_restart_time = 1;
    strlcpy(worker.bgw_library_name, "pg_sessionctl", sizeof worker.bgw_library_name);
    strlcpy(worker.bgw_function_name, function, sizeof worker.bgw_function_name);
    return worker;
}

void connect_worker(const char* name) {
#if PG_VERSION_NUM >= 110000 // 11: flags
    BackgroundWorkerInitializeConnection(nullptr, nullptr, 0);
#else
    BackgroundWorkerInitializeConnection(nullptr, nullptr);
#endif
#if PG_VERSION_NUM < 100000 // 10: a worker without a database gets into the session table by itself
    pgstat_bestart();
#endif
    pgstat_report_appname(name);
    // Core does so only with a database: a membership that was once looked up would stay as it was.
    StartTransactionCommand();
    initialize_acl();
    CommitTransactionCommand();
}

namespace {

/// What the owner of a database may set for everybody who connects to it does not hold for a worker that acts
/// on other databases, too. As in core's autovacuum.
void override_settings_of_database() {
    struct Setting {
        int since;
        const char* name;
        const char* value;
    };
    static constexpr Setting settings[] = {
        {90400, "exit_on_error", "false"},
        {90400, "statement_timeout", "0"},
        {90400, "lock_timeout", "0"},
        {90600, "idle_in_transaction_session_timeout", "0"},
        {140000, "idle_session_timeout", "0"},
        {170000, "transaction_timeout", "0"},
        {90400, "default_transaction_isolation", "read committed"},
        {90400, "default_transaction_read_only", "false"},
        {90400, "default_transaction_deferrable", "false"},
        {90400, "synchronous_commit", "local"}, // notify commits
        {90600, "max_parallel_workers_per_gather", "0"},
        {110000, "jit", "off"},
        {90400, "role", "none"},
    };
    for (const Setting& setting : settings)
        if (PG_VERSION_NUM >= setting.since)
            SetConfigOption(setting.name, setting.value, PGC_SUSET, PGC_S_OVERRIDE);
}

} // namespace

void connect_worker_to(const char* database, const char* name) {
    override_settings_of_database();
#if PG_VERSION_NUM >= 110000 // 11: flags
    BackgroundWorkerInitializeConnection(database, nullptr, 0);
#else
    BackgroundWorkerInitializeConnection(const_cast<char*>(database), nullptr);
#endif
    pgstat_report_appname(name);
}

void set_worker_extra([[maybe_unused]] BackgroundWorker& worker, [[maybe_unused]] const Oid* list,
                      [[maybe_unused]] int count) noexcept {
#if PG_VERSION_NUM >= 90500 // 9.5: bgw_extra
    static_assert((most_worker_extra + 1) * sizeof(Oid) <= BGW_EXTRALEN);
    std::memcpy(worker.bgw_extra, &count, sizeof count);
    if (count > 0) // else there may be no list
        std::memcpy(worker.bgw_extra + sizeof count, list, count * sizeof *list);
#endif
}

int read_worker_extra([[maybe_unused]] Oid* list) {
    int count = 0;
#if PG_VERSION_NUM >= 90500
    std::memcpy(&count, MyBgworkerEntry->bgw_extra, sizeof count);
    if (count < 0 || count > most_worker_extra)
        elog(ERROR, "a background worker has no room for %d roles", count);
    std::memcpy(list, MyBgworkerEntry->bgw_extra + sizeof count, count * sizeof *list);
#endif
    return count;
}

// 15: done at the commit.
void signal_listeners() {
#if PG_VERSION_NUM < 150000
    ProcessCompletedNotifies();
#endif
}

void process_catchup() {
#if PG_VERSION_NUM >= 90500 // 9.5: no longer done by the signal handler
    ProcessCatchupInterrupt();
#endif
}

} // namespace sessionctl::compat
