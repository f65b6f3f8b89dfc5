// The process array, on every version.
#include "compat/processes.hpp"

#include "compat/process_places.hpp"

extern "C" {
#include "access/transam.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#if PG_VERSION_NUM >= 140000 // 14: moved out of pgstat.h
#include "utils/wait_event.h"
#endif
}

namespace sessionctl::compat {

namespace {

// 14: in PGPROC; before, in PGXACT beside it.
void transaction_ids(const PGPROC& proc, TransactionId& xid, TransactionId& xmin) noexcept {
#if PG_VERSION_NUM >= 140000
    const auto& ids = *const_cast<const volatile PGPROC*>(&proc);
#else
    const volatile PGXACT& ids = ProcGlobal->allPgXact[proc.pgprocno];
#endif
    xid = ids.xid;
    xmin = ids.xmin;
}

LocalTransactionId transaction_of(const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 170000 // 17: moved into vxid
    return *const_cast<const volatile LocalTransactionId*>(&proc.vxid.lxid);
#else
    return *const_cast<const volatile LocalTransactionId*>(&proc.lxid);
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

// 14: PGPROC.statusFlags; before, vacuumFlags beside it.
int vacuum_flags_of(const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 140000
    return *const_cast<const volatile uint8*>(&proc.statusFlags);
#else
    return *const_cast<const volatile uint8*>(&ProcGlobal->allPgXact[proc.pgprocno].vacuumFlags);
#endif
}

} // namespace

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

int own_slot() noexcept {
#if PG_VERSION_NUM >= 170000
    return MyProcNumber;
#else
    return MyBackendId - 1;
#endif
}

#if PG_VERSION_NUM < 100000
// 10: st_backendType. Before it, the process's own flag tells.
bool is_autovacuum_process(int index, int pid) {
    const PGPROC* const proc = process_of_session(index, pid);
    return proc != nullptr && (vacuum_flags_of(*proc) & PROC_IS_AUTOVACUUM) != 0;
}
#endif

ProcView proc_view(int index, const PgBackendStatus& entry) {
    ProcView view = {};
    const PGPROC* const proc = process_of_session(index, entry.st_procpid);
    const bool is_its = proc != nullptr && read_place(*proc, entry.st_procpid, [&](const volatile PGPROC&) {
                            wait_and_group(*proc, view);
                            transaction_ids(*proc, view.xid, view.xmin);
                        });
    if (!is_its)
        view = {};
    view.waits_for_lock = waits_for_lock(entry, view);
    return view;
}

LocalTransactionId transaction_at(int index, int pid) noexcept {
    const PGPROC* const proc = process_of_session(index, pid);
    return proc != nullptr ? transaction_of(*proc) : InvalidLocalTransactionId;
}

const char* wait_event_of([[maybe_unused]] int index, [[maybe_unused]] int pid) noexcept {
#if PG_VERSION_NUM >= 90600 // 9.6: wait events
    if (const PGPROC* const proc = process_of_session(index, pid))
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
    const PGPROC& place = *client_proc(index);
    ClientProcess process = {};
    const int pid = pid_of_process(place);
    const bool is_its = read_place(place, pid, [&](const volatile PGPROC& live) {
        process = {pid, live.roleId, live.databaseId, index >= MaxConnections, live.waitLock != nullptr};
    });
    return is_its ? process : ClientProcess{};
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
    const PGPROC* const proc = process_with_pid(pid);
    return proc != nullptr && (vacuum_flags_of(*proc) & (PROC_IN_VACUUM | PROC_IN_LOGICAL_DECODING)) != 0;
}

// 15: PGPROC.delayChkptFlags; 13: PGPROC.delayChkpt; before, in PGXACT.
static bool is_flushing_commit(const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 150000
    return (*const_cast<const volatile int*>(&proc.delayChkptFlags) & DELAY_CHKPT_START) != 0;
#elif PG_VERSION_NUM >= 130000
    return *const_cast<const volatile bool*>(&proc.delayChkpt);
#else
    return *const_cast<const volatile bool*>(&ProcGlobal->allPgXact[proc.pgprocno].delayChkpt);
#endif
}

bool is_in_commit(int index, int pid) {
    const PGPROC* const proc = process_of_session(index, pid);
    // In this order: the one ends before the other begins.
    return proc != nullptr && (is_flushing_commit(*proc) || awaits_standby(index, pid));
}

bool waits_for_lock(int index, int pid) noexcept {
    const volatile PGPROC* const proc = process_of_session(index, pid);
    return proc != nullptr && proc->waitLock != nullptr;
}

bool awaits_standby(int index, int pid) {
    const PGPROC* const proc = process_of_session(index, pid);
    return proc != nullptr && proc->syncRepState == SYNC_REP_WAITING;
}

bool any_waits_for_lock(bool (*is_it)(int index, int pid)) noexcept {
    for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i) {
        const auto& proc = const_cast<const volatile PGPROC&>(ProcGlobal->allProcs[i]);
        if (proc.waitLock == nullptr)
            continue;
#if PG_VERSION_NUM >= 170000 // 17: the process number is the slot; before, the backend id less one
        if (is_it(static_cast<int>(i), proc.pid))
#else
        if (is_it(proc.backendId - 1, proc.pid))
#endif
            return true;
    }
    return false;
}

bool is_in_transaction(int index, int pid) {
    const PGPROC* const proc = process_of_session(index, pid);
    return proc != nullptr && LocalTransactionIdIsValid(transaction_of(*proc));
}

// A process takes this lock to take, and to give up, the lock on its own transaction, which it does when
// nothing but its end is left. 13: its name.
static LWLock* transaction_lock(PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 130000
    return &proc.fpInfoLock;
#elif PG_VERSION_NUM >= 90600
    return &proc.backendLock;
#else
    return proc.backendLock;
#endif
}

LWLock* hold_transaction(int index, int pid, LocalTransactionId transaction) {
    PGPROC* const proc = process_of_session(index, pid);
    if (proc == nullptr)
        return nullptr;
    LWLock* const lock = transaction_lock(*proc);
    LWLockAcquire(lock, LW_SHARED);
    if (pid_of_process(*proc) == pid && proc->fpLocalTransactionId == transaction &&
        transaction_of(*proc) == transaction)
        return lock;
    LWLockRelease(lock);
    return nullptr;
}

LWLock* own_transaction_lock() noexcept {
    return transaction_lock(*MyProc);
}

} // namespace sessionctl::compat
