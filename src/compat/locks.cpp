#include "compat/locks.hpp"

extern "C" {
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
}

namespace sessionctl::compat {

namespace {

bool take(LWLock* lock, bool may_wait) {
    if (!may_wait)
        return LWLockConditionalAcquire(lock, LW_SHARED);
    LWLockAcquire(lock, LW_SHARED);
    return true;
}

// 19: PGPROC.waitLink; before, `links`, which also chained free processes.
#if PG_VERSION_NUM >= 190000
constexpr std::size_t queue_link = offsetof(PGPROC, waitLink);
#else
constexpr std::size_t queue_link = offsetof(PGPROC, links);
#endif

// 16: dlist; before, SHM_QUEUE. Both are rings with the head in the lock.
#if PG_VERSION_NUM >= 160000
using Link = dlist_node;
const Link* queue_head(const LOCK& lock) noexcept {
    return &lock.waitProcs.dlist.head;
}
const Link* holders_head(const LOCK& lock) noexcept {
    return &lock.procLocks.head;
}
int queue_length(const LOCK& lock) noexcept {
    return static_cast<int>(lock.waitProcs.count);
}
#else
using Link = SHM_QUEUE;
const Link* queue_head(const LOCK& lock) noexcept {
    return &lock.waitProcs.links;
}
const Link* holders_head(const LOCK& lock) noexcept {
    return &lock.procLocks;
}
int queue_length(const LOCK& lock) noexcept {
    return lock.waitProcs.size;
}
#endif

const PGPROC& queued_at(const Link* link) noexcept {
    return *reinterpret_cast<const PGPROC*>(reinterpret_cast<const char*>(link) - queue_link);
}

const PROCLOCK& holder_at(const Link* link) noexcept {
    return *reinterpret_cast<const PROCLOCK*>(reinterpret_cast<const char*>(link) -
                                              offsetof(PROCLOCK, lockLink));
}

// 14: PGPROC.xid; before, in an array of its own.
TransactionId xid_of(const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 140000
    return proc.xid;
#else
    return ProcGlobal->allPgXact[proc.pgprocno].xid;
#endif
}

// 9.6: lock groups.
core::Party party_of(const PROCLOCK& entry) noexcept {
#if PG_VERSION_NUM >= 90600
    const PGPROC& proc = *entry.groupLeader;
#else
    const PGPROC& proc = *entry.tag.myProc;
#endif
    return {proc.pid, proc.pid == 0 ? xid_of(proc) : 0};
}

const PGPROC* leader_of([[maybe_unused]] const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 90600
    return proc.lockGroupLeader;
#else
    return nullptr;
#endif
}

// 14: PGPROC.waitStart, which is 0 for a moment.
core::Timestamp wait_start([[maybe_unused]] const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 140000
    return static_cast<core::Timestamp>(pg_atomic_read_u64(const_cast<pg_atomic_uint64*>(&proc.waitStart)));
#else
    return 0;
#endif
}

// Before 14 a wait and the next one of the same statement for the same lock look alike, but for this.
std::uint32_t newest_subtransaction([[maybe_unused]] const PGPROC& proc) noexcept {
#if PG_VERSION_NUM >= 140000
    return 0;
#else
    const int count = std::min<int>(ProcGlobal->allPgXact[proc.pgprocno].nxids, PGPROC_MAX_CACHED_SUBXIDS);
    return count > 0 ? proc.subxids.xids[count - 1] : 0;
#endif
}

bool leads_queue(const PGPROC& proc) noexcept {
    return &queued_at(queue_head(*proc.waitLock)->next) == &proc;
}

void copy_entries(const LOCK& lock, int number, CopyBuffer<core::ProcLock>& room) noexcept {
    const LockMethod method = GetLocksMethodTable(&lock);
    int place = queue_length(lock);
    for (const Link* link = queue_head(lock)->prev; link != queue_head(lock); link = link->prev) {
        const PGPROC& proc = queued_at(link);
        const auto conflicts = static_cast<core::LockModes>(method->conflictTab[proc.waitLockMode]);
        const auto held = static_cast<core::LockModes>(proc.waitProcLock->holdMask);
        room.add({party_of(*proc.waitProcLock), number, --place, proc.waitLockMode, held, conflicts,
                  wait_start(proc), newest_subtransaction(proc)});
    }
    for (const Link* link = holders_head(lock)->next; link != holders_head(lock); link = link->next) {
        const PROCLOCK& entry = holder_at(link);
        if (entry.holdMask != 0 && entry.tag.myProc->waitLock != &lock)
            room.add({party_of(entry), number, -1, 0, static_cast<core::LockModes>(entry.holdMask), 0, 0});
    }
}

void copy_lock(const LOCK& lock, WaitBuffers& room) noexcept {
    copy_entries(lock, room.locks.count, room.proclocks);
    room.locks.add(lock.tag);
}

} // namespace

LockTableHeld::LockTableHeld(bool may_wait) {
    while (count_ < NUM_LOCK_PARTITIONS && take(LockHashPartitionLockByIndex(count_), may_wait))
        ++count_;
}

LockTableHeld::~LockTableHeld() {
    while (count_ > 0)
        LWLockRelease(LockHashPartitionLockByIndex(--count_));
}

bool copy_lock_waits(WaitBuffers& room, bool may_wait) {
    const LockTableHeld held(may_wait);
    if (!held)
        return false;
    for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i) {
        const PGPROC& proc = ProcGlobal->allProcs[i];
        const PGPROC* const leader = leader_of(proc);
        if (leader != nullptr && leader != &proc)
            room.workers.add({proc.pid, leader->pid});
        if (proc.waitLock != nullptr && leads_queue(proc))
            copy_lock(*proc.waitLock, room);
    }
    return true;
}

namespace {

/// A lock of another partition may come and go meanwhile, but none with this tag. Null: the process does not
/// wait for this one.
const LOCK* lock_awaited_by(const PGPROC& proc, const LOCKTAG& tag) noexcept {
    const LOCK* const lock = *const_cast<LOCK* const volatile*>(&proc.waitLock);
    return lock != nullptr && std::memcmp(&lock->tag, &tag, sizeof tag) == 0 ? lock : nullptr;
}

} // namespace

int waiters_for(const LOCKTAG& tag, LOCKMODE mode, int* pids, int most) {
    const LockHeld held(tag);
    int count = 0;
    for (uint32 i = 0; i < ProcGlobal->allProcCount && count < most; ++i) {
        const PGPROC& proc = ProcGlobal->allProcs[i];
        if (lock_awaited_by(proc, tag) != nullptr && proc.waitLockMode == mode)
            pids[count++] = proc.pid;
    }
    return count;
}

LockHeld::LockHeld(const LOCKTAG& lock)
    : lock_(lock), partition_(LockHashPartitionLock(LockTagHashCode(&lock))) {
    LWLockAcquire(partition_, LW_SHARED);
}

LockHeld::~LockHeld() {
    LWLockRelease(partition_);
}

void LockHeld::copy(CopyBuffer<core::ProcLock>& room) const noexcept {
    for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i)
        if (const LOCK* const lock = lock_awaited_by(ProcGlobal->allProcs[i], lock_)) {
            copy_entries(*lock, 0, room);
            return;
        }
}

bool LockHeld::is_awaited_by(const core::Party& party) const noexcept {
    for (uint32 i = 0; i < ProcGlobal->allProcCount; ++i) {
        const PGPROC& proc = ProcGlobal->allProcs[i];
        if (lock_awaited_by(proc, lock_) != nullptr && party_of(*proc.waitProcLock) == party)
            return true;
    }
    return false;
}

// 9.6 exports the names, of which later releases have more. 9.5 has one more than 9.4; 9.5.24, the last.
#if PG_VERSION_NUM < 90600
namespace {

constexpr const char* LockTagTypeNames[] = {
    "relation",
    "extend",
    "page",
    "tuple",
    "transactionid",
    "virtualxid",
#if PG_VERSION_NUM >= 90500
    "speculative token",
#endif
    "object",
    "userlock",
    "advisory",
    "frozenid",
};
static_assert(std::size(LockTagTypeNames) > LOCKTAG_LAST_TYPE, "each that lock.h numbers has a name");

} // namespace
#endif

const char* lock_type_name(const LOCKTAG& tag) noexcept {
    return tag.locktag_type <= LOCKTAG_LAST_TYPE ? LockTagTypeNames[tag.locktag_type] : "unknown";
}

const char* lock_mode_name(const LOCKTAG& tag, LOCKMODE mode) noexcept {
    return GetLockmodeName(tag.locktag_lockmethodid, mode);
}

// 10: SafeSnapshot waits, and their blockers.
int safe_snapshot_blockers([[maybe_unused]] int pid, [[maybe_unused]] int* pids, [[maybe_unused]] int most) {
#if PG_VERSION_NUM >= 100000
    const Datum found = DirectFunctionCall1(pg_safe_snapshot_blocking_pids, Int32GetDatum(pid));
    ArrayType* const array = DatumGetArrayTypeP(found);
    const int count = std::min(ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)), most);
    std::copy_n(reinterpret_cast<const int32*>(ARR_DATA_PTR(array)), count, pids);
    return count;
#else
    return 0;
#endif
}

// 17: one vxid; before, its two parts.
bool same_transaction(const LockInstanceData& a, const LockInstanceData& b) noexcept {
#if PG_VERSION_NUM >= 170000
    return a.vxid.procNumber == b.vxid.procNumber && a.vxid.localTransactionId == b.vxid.localTransactionId;
#else
    return a.backend == b.backend && a.lxid == b.lxid;
#endif
}

} // namespace sessionctl::compat
