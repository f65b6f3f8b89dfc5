// Memory, waiting, rights and settings, on every version.
#include "compat/postgres.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sys/time.h>
#include <unistd.h>

extern "C" {
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_proc.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#if PG_VERSION_NUM >= 140000 // 14: moved out of pgstat.h
#include "utils/wait_event.h"
#endif
}

// 14: the predefined roles' constants were renamed.
#if PG_VERSION_NUM >= 100000 && PG_VERSION_NUM < 140000
#define ROLE_PG_READ_ALL_STATS DEFAULT_ROLE_READ_ALL_STATS
#endif
#if PG_VERSION_NUM >= 90600 && PG_VERSION_NUM < 140000
#define ROLE_PG_SIGNAL_BACKEND DEFAULT_ROLE_SIGNAL_BACKENDID
#endif

namespace sessionctl::compat {

void* allocate_or_null(MemoryContext context, std::size_t bytes) noexcept {
#if PG_VERSION_NUM >= 90500 // 9.5: allocation that may fail without an error
    constexpr std::size_t largest = std::numeric_limits<std::size_t>::max() / 2;
    return bytes > largest ? nullptr
                           : MemoryContextAllocExtended(context, bytes, MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
#else
    sigjmp_buf landing;
    sigjmp_buf* const outer_landing = PG_exception_stack;
    ErrorContextCallback* const outer_context = error_context_stack;
    const uint32 holdoff = InterruptHoldoffCount;
    const MemoryContext current = CurrentMemoryContext;
    void* volatile memory = nullptr;
    if (sigsetjmp(landing, 0) == 0) {
        PG_exception_stack = &landing;
        memory = MemoryContextAllocHuge(context, bytes);
    } else {
        MemoryContextSwitchTo(current);
        InterruptHoldoffCount = holdoff;
        FlushErrorState();
    }
    PG_exception_stack = outer_landing;
    error_context_stack = outer_context;
    return memory;
#endif
}

MemoryContext create_context(MemoryContext parent, const char* name) {
    // 11: AllocSetContextCreate is a macro that needs a literal name; 12: the function behind it was renamed.
#if PG_VERSION_NUM >= 120000
    return AllocSetContextCreateInternal(parent, name, ALLOCSET_DEFAULT_SIZES);
#elif PG_VERSION_NUM >= 110000
    return AllocSetContextCreateExtended(parent, name, ALLOCSET_DEFAULT_SIZES);
#else
    return AllocSetContextCreate(parent, name, ALLOCSET_DEFAULT_MINSIZE, ALLOCSET_DEFAULT_INITSIZE,
                                 ALLOCSET_DEFAULT_MAXSIZE);
#endif
}

uint32 query_cancel_holdoff() noexcept {
#ifdef HOLD_CANCEL_INTERRUPTS // 9.5, and a late 9.4
    return QueryCancelHoldoffCount;
#else
    return 0;
#endif
}

void set_query_cancel_holdoff([[maybe_unused]] uint32 count) noexcept {
#ifdef HOLD_CANCEL_INTERRUPTS
    QueryCancelHoldoffCount = count;
#endif
}

bool wait_latch(long milliseconds, [[maybe_unused]] uint32 wait_event) {
    Latch* const latch = &MyProc->procLatch; // 9.5: MyLatch, the same
    int events = WL_LATCH_SET | (milliseconds >= 0 ? WL_TIMEOUT : 0);
#if PG_VERSION_NUM >= 120000 // 12: WL_EXIT_ON_PM_DEATH
    events |= WL_EXIT_ON_PM_DEATH;
#else
    events |= WL_POSTMASTER_DEATH;
#endif
#if PG_VERSION_NUM >= 100000 // 10: wait event
    const int woken_by =
        WaitLatch(latch, events, milliseconds, wait_event != 0 ? wait_event : PG_WAIT_EXTENSION);
#else
    const int woken_by = WaitLatch(latch, events, milliseconds);
#endif
    ResetLatch(latch);
#if PG_VERSION_NUM < 120000
    if (woken_by & WL_POSTMASTER_DEATH)
        proc_exit(1);
#endif
    return (woken_by & WL_LATCH_SET) != 0;
}

uint32 own_wait_event([[maybe_unused]] const char* name) {
#if PG_VERSION_NUM >= 170000 // 17: wait events of extensions have names
    return WaitEventExtensionNew(name);
#else
    return 0;
#endif
}

bool is_interrupted() noexcept {
#if PG_VERSION_NUM >= 170000 // 17: transaction_timeout
    if (TransactionTimeoutPending)
        return true;
#endif
    return QueryCancelPending || ProcDiePending;
}

void clear_pending_cancel() noexcept {
    QueryCancelPending = false;
}

#if PG_VERSION_NUM >= 130000 // 13: get_timeout_active
const TimestampTz timeout_precision = 0;
#else
const TimestampTz timeout_precision = 10 * core::microseconds_per_millisecond;
#endif

TimestampTz statement_timeout_at() {
#if PG_VERSION_NUM >= 130000
    return get_timeout_active(STATEMENT_TIMEOUT) ? get_timeout_finish_time(STATEMENT_TIMEOUT) : 0;
#else
    // Inside a statement no other timeout is armed, and an armed one uses this process's only interval timer.
    itimerval timer;
    if (StatementTimeout <= 0 || getitimer(ITIMER_REAL, &timer) != 0 || !timerisset(&timer.it_value))
        return 0;
    return GetCurrentTimestamp() + timer.it_value.tv_sec * USECS_PER_SEC + timer.it_value.tv_usec;
#endif
}

TimestampTz own_timeout_at() {
    const TimestampTz at = statement_timeout_at();
#if PG_VERSION_NUM >= 170000 // 17: transaction_timeout
    if (get_timeout_active(TRANSACTION_TIMEOUT)) {
        const TimestampTz end = get_timeout_finish_time(TRANSACTION_TIMEOUT);
        return at == 0 ? end : std::min(at, end);
    }
#endif
    return at;
}

bool may_see(Oid viewer, Oid role) {
#if PG_VERSION_NUM >= 150000 // 15: by inherited privileges
    if (has_privs_of_role(viewer, ROLE_PG_READ_ALL_STATS))
        return true;
#elif PG_VERSION_NUM >= 100000 // 10: pg_read_all_stats
    if (is_member_of_role(viewer, ROLE_PG_READ_ALL_STATS))
        return true;
#endif
#if PG_VERSION_NUM >= 90500 // 9.5: by membership; before, the same role
    return has_privs_of_role(viewer, role);
#else
    return superuser_arg(viewer) || viewer == role;
#endif
}

bool may_signal(Oid signaller, Oid role) {
    if (superuser_arg(signaller))
        return true;
#if PG_VERSION_NUM >= 90500 // 9.5: superusers' sessions need a superuser; 17: so does one without a role
    if (!OidIsValid(role) || superuser_arg(role))
        return false;
#if PG_VERSION_NUM >= 90600 // 9.6: pg_signal_backend
    if (has_privs_of_role(signaller, ROLE_PG_SIGNAL_BACKEND))
        return true;
#endif
    return has_privs_of_role(signaller, role);
#else
    return signaller == role;
#endif
}

bool may_signal_autovacuum(Oid signaller) {
#if PG_VERSION_NUM >= 180000 // 18: pg_signal_autovacuum_worker
    return has_privs_of_role(signaller, ROLE_PG_SIGNAL_AUTOVACUUM_WORKER);
#else
    return superuser_arg(signaller);
#endif
}

bool may_execute(Oid role, HeapTuple function) {
#if PG_VERSION_NUM >= 120000 // 12: OIDs are columns
    const Oid oid = reinterpret_cast<Form_pg_proc>(GETSTRUCT(function))->oid;
#else
    const Oid oid = HeapTupleGetOid(function);
#endif
#if PG_VERSION_NUM >= 160000 // 16: one function for all kinds of objects
    return object_aclcheck(ProcedureRelationId, oid, role, ACL_EXECUTE) == ACLCHECK_OK;
#else
    return pg_proc_aclcheck(oid, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

bool owns_database(Oid user, Oid database) {
#if PG_VERSION_NUM >= 160000 // 16: one function for all kinds of objects
    return object_ownercheck(DatabaseRelationId, database, user);
#else
    return pg_database_ownercheck(database, user);
#endif
}

void commit_at_once() noexcept {
#ifdef XACT_FLAGS_NEEDIMMEDIATECOMMIT // minor releases of 2022
    MyXactFlags |= XACT_FLAGS_NEEDIMMEDIATECOMMIT;
#endif
}

char* role_name_or_null(Oid role) {
#if PG_VERSION_NUM >= 90500 // 9.5: GetUserNameFromId(…, noerr)
    return GetUserNameFromId(role, true);
#else
    const HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        return nullptr;
    char* const name = pstrdup(NameStr(reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolname));
    ReleaseSysCache(tuple);
    return name;
#endif
}

#if PG_VERSION_NUM >= 90600 // 9.6: LOG_SERVER_ONLY, a new name for COMMERROR
const int log_server_only = LOG_SERVER_ONLY;
#else
const int log_server_only = COMMERROR;
#endif

bool strong_random(void* bytes, std::size_t count) noexcept {
#if PG_VERSION_NUM >= 100000 // 10: pg_strong_random
    return pg_strong_random(bytes, count);
#else
    const int source = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (source < 0)
        return false;
    const ssize_t got = read(source, bytes, count);
    close(source);
    return got == static_cast<ssize_t>(count);
#endif
}

void* allocate_guc_extra(std::size_t bytes) noexcept {
#if PG_VERSION_NUM >= 160000 // 16: guc.c has a memory context of its own
    return guc_malloc(LOG, bytes);
#else
    return malloc(bytes);
#endif
}

bool is_infinite([[maybe_unused]] const Interval& interval) noexcept {
#if PG_VERSION_NUM >= 170000 // 17: infinite intervals
    return INTERVAL_NOT_FINITE(&interval);
#else
    return false;
#endif
}

namespace {

void set_parameter(const char* name, const char* value, GucAction action) {
#if PG_VERSION_NUM >= 90500 // 9.5: is_reload
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, action, true, 0, false);
#else
    set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, action, true, 0);
#endif
}

} // namespace

void set_parameter_locally(const char* name, const char* value) {
    set_parameter(name, value, GUC_ACTION_SAVE);
}

void set_known_parameter_locally(const char* name, const char* value) {
    if (GetConfigOption(name, true, false) != nullptr)
        set_parameter_locally(name, value);
}

// 12: a commit tells nothing of what it drops together with a temporary table.
void hold_back_messages() {
    constexpr bool drops_quietly = PG_VERSION_NUM >= 120000;
    if (client_min_messages < (drops_quietly ? NOTICE : WARNING))
        set_parameter("client_min_messages", drops_quietly ? "notice" : "warning", GUC_ACTION_LOCAL);
}

void lower_synchronous_commit() {
    if (synchronous_commit > SYNCHRONOUS_COMMIT_LOCAL_FLUSH)
        set_parameter("synchronous_commit", "local", GUC_ACTION_LOCAL);
}

void reserve_guc_prefix(const char* prefix) {
#if PG_VERSION_NUM >= 150000 // 15: renamed, and removes unknown parameters
    MarkGUCPrefixReserved(prefix);
#else
    EmitWarningsOnPlaceholders(prefix);
#endif
}

} // namespace sessionctl::compat
