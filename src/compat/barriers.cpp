// Core exports no access to the signal slots, so they are read with the layout of procsignal.c. Three checks
// before anything is used: their size, compared by the server; the pid in our own slot; and the barrier
// accepted in it.
#include "compat/barriers.hpp"

extern "C" {
#include "storage/shmem.h"
#if PG_VERSION_NUM >= 150000
#include "storage/condition_variable.h"
#include "storage/procsignal.h"
#endif
}

namespace sessionctl::compat {

// 15: the first barriers that sessions wait for.
#if PG_VERSION_NUM >= 150000
namespace {

// 18: added the cancel key, with a lock.
struct SignalSlot {
#if PG_VERSION_NUM >= 180000
    pg_atomic_uint32 pid;
    int cancel_key_length;
    uint8 cancel_key[MAX_CANCEL_KEY_LENGTH];
    volatile sig_atomic_t flags[NUM_PROCSIGNALS];
    slock_t mutex;
#else
    volatile pid_t pid;
    volatile sig_atomic_t flags[NUM_PROCSIGNALS];
#endif
    pg_atomic_uint64 accepted;
    pg_atomic_uint32 to_check;
    ConditionVariable has_accepted;
};

struct SignalSlots {
    pg_atomic_uint64 newest;
    SignalSlot slots[1]; // as many as in the session table
};

uint64 value_of(const pg_atomic_uint64& number) noexcept {
    return pg_atomic_read_u64(const_cast<pg_atomic_uint64*>(&number));
}

int pid_of(const SignalSlot& slot) noexcept {
#if PG_VERSION_NUM >= 180000
    return static_cast<int>(pg_atomic_read_u32(const_cast<pg_atomic_uint32*>(&slot.pid)));
#else
    return slot.pid;
#endif
}

} // namespace

const void* signal_slots() {
    bool found;
    const Size size = mul_size(sizeof(SignalSlot), status_array().count);
    const void* const slots =
        ShmemInitStruct("ProcSignal", add_size(offsetof(SignalSlots, slots), size), &found);
    if (!found)
        elog(ERROR, "the server's signal slots were not found in shared memory");
    return slots;
}

bool copy_barriers(const void* slots, CopyBuffer<core::BarrierProgress>& followers, uint64& newest) noexcept {
    const auto& all = *static_cast<const SignalSlots*>(slots);
    newest = value_of(all.newest); // read first: a process behind it has surely not accepted it
    const SignalSlot* const first = all.slots;
    const SignalSlot& own = first[own_slot()];
    if (pid_of(own) != MyProcPid || value_of(own.accepted) > newest)
        return false;
    for (int i = 0; i < status_array().count; ++i)
        if (const int pid = pid_of(first[i]))
            followers.add({pid, value_of(first[i].accepted)});
    return true;
}
#else
const void* signal_slots() {
    return nullptr;
}

bool copy_barriers(const void*, CopyBuffer<core::BarrierProgress>&, uint64&) noexcept {
    return false;
}
#endif

} // namespace sessionctl::compat
