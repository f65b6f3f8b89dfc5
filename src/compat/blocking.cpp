// Who blocks a session. From 9.6 core has pg_blocking_pids(); before it the same answer is read off the lock
// itself, by core's rules: hard blocks are conflicting locks held, soft blocks conflicting requests further
// up the queue.
#include "pg/postgres.hpp"

extern "C" {
#include "access/twophase.h"
#include "catalog/pg_type.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
}

#include "core/memory.hpp"

#if PG_VERSION_NUM >= 90600

namespace sessionctl::compat {

// Up to 10 an array without elements still had a dimension, and did not equal '{}'.
ArrayType* blocking_pids(int pid) {
    ArrayType* const found = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids, Int32GetDatum(pid)));
    return ArrayGetNItems(ARR_NDIM(found), ARR_DIMS(found)) > 0 ? found : construct_empty_array(INT4OID);
}

} // namespace sessionctl::compat

#else

namespace sessionctl::compat {

namespace {

/// The pids found, in memory that was sized before any lock was taken.
struct Pids {
    Datum* pids;
    int count;
    int capacity;

    void add(int pid) noexcept {
        if (count < capacity)
            pids[count++] = Int32GetDatum(pid);
    }
};

LOCKMASK conflicts_of(const LOCK& lock, LOCKMODE mode) {
    return GetLocksMethodTable(&lock)->conflictTab[mode];
}

void add_holders(LOCK& lock, const PGPROC& waiter, LOCKMASK conflicts, Pids& found) {
    const SHM_QUEUE* const queue = &lock.procLocks;
    const auto after = [queue](const SHM_QUEUE* link) {
        return reinterpret_cast<PROCLOCK*>(SHMQueueNext(queue, link, offsetof(PROCLOCK, lockLink)));
    };
    for (const PROCLOCK* held = after(queue); held != nullptr; held = after(&held->lockLink))
        if (held->tag.myProc != &waiter && (held->holdMask & conflicts) != 0)
            found.add(held->tag.myProc->pid);
}

void add_queued_before(LOCK& lock, const PGPROC& waiter, LOCKMASK conflicts, Pids& found) {
    auto* queued = reinterpret_cast<PGPROC*>(lock.waitProcs.links.next);
    for (int i = 0; i < lock.waitProcs.size && queued != &waiter; ++i) {
        const bool holds_conflicting = (queued->waitProcLock->holdMask & conflicts) != 0;
        if (!holds_conflicting && (LOCKBIT_ON(queued->waitLockMode) & conflicts) != 0)
            found.add(queued->pid);
        queued = reinterpret_cast<PGPROC*>(queued->links.next);
    }
}

} // namespace

ArrayType* blocking_pids(int pid) {
    const int capacity = MaxBackends + max_prepared_xacts + 1;
    Pids found = {static_cast<Datum*>(palloc(capacity * sizeof(Datum))), 0, capacity};

    for (int i = 0; i < NUM_LOCK_PARTITIONS; ++i)
        LWLockAcquire(LockHashPartitionLockByIndex(i), LW_SHARED);
    const PGPROC* const waiter = BackendPidGetProc(pid);
    LOCK* const lock = waiter != nullptr ? waiter->waitLock : nullptr;
    if (lock != nullptr) {
        const LOCKMASK conflicts = conflicts_of(*lock, waiter->waitLockMode);
        add_holders(*lock, *waiter, conflicts, found);
        add_queued_before(*lock, *waiter, conflicts, found);
    }
    for (int i = NUM_LOCK_PARTITIONS - 1; i >= 0; --i)
        LWLockRelease(LockHashPartitionLockByIndex(i));

    if (found.count == 0)
        return construct_empty_array(INT4OID);
    return construct_array(found.pids, found.count, INT4OID, sizeof(int32), true, 'i');
}

} // namespace sessionctl::compat

#endif
