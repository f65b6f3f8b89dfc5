#include "pg/shared_memory.hpp"

#include "core/error.hpp"
#include "pg/audit/audit_ring.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/monotonic.hpp"
#include "pg/reaper/limit_parameters.hpp"
#include "pg/reloads.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace sessionctl::pg {

namespace {

static_assert(std::is_standard_layout_v<SessionSlot> && std::is_trivially_destructible_v<SharedMemory>);
static_assert(std::atomic<core::Timestamp>::is_always_lock_free && std::atomic<Latch*>::is_always_lock_free &&
              std::atomic<SessionValue>::is_always_lock_free);

SharedMemory* shared = nullptr;

Size size_of_slots() {
    return add_size(offsetof(SharedMemory, slots), mul_size(sizeof(SessionSlot), compat::max_backends()));
}

Size size_of_all() {
    return add_size(MAXALIGN(size_of_slots()), AuditRing::size(audit_size_setting()));
}

void attach() {
    bool found;
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    void* const memory = ShmemInitStruct("pg_sessionctl", size_of_all(), &found);
    shared = static_cast<SharedMemory*>(memory);
    if (!found) {
        std::memset(memory, 0, size_of_all());
        shared->slot_count = compat::max_backends();
        shared->mark.renew();
        shared->counters_reset = GetCurrentTimestamp();
        shared->audit_lock = compat::shared_memory_lock(0);
        shared->gate_lock = compat::shared_memory_lock(1);
        shared->cooldown_lock = compat::shared_memory_lock(2);
        shared->drain_lock = compat::shared_memory_lock(3);
        shared->rules_lock = compat::shared_memory_lock(4);
        shared->rules.begin(monotonic_now());
        shared->audit = reinterpret_cast<AuditRing*>(static_cast<char*>(memory) + MAXALIGN(size_of_slots()));
        shared->audit->capacity = audit_size_setting();
    }
    LWLockRelease(AddinShmemInitLock);
    // The postmaster reads the saved files when it creates the memory, and writes them when it exits.
    if (!IsUnderPostmaster && !found) {
        forget_new_settings();
        shared->audit->load();
        shared->gate.load();
        publish_general_lock_settings();
        on_shmem_exit(AuditRing::save_at_exit, 0);
    }
}

} // namespace

Counter& SharedMemory::counter(CountedAction counted, core::Rule rule) noexcept {
    const int by_rule =
        unruled_count + (counted == CountedAction::log ? core::rule_count : 0) + static_cast<int>(rule);
    return counters[static_cast<int>(counted) < unruled_count ? static_cast<int>(counted) : by_rule];
}

void request_shared_memory() {
    compat::request_shared_memory(size_of_all, attach);
}

SharedMemory* shared_memory() noexcept {
    return shared;
}

SessionSlot* session_slot(int number) noexcept {
    return shared != nullptr && number >= 0 && number < shared->slot_count ? &shared->slots[number] : nullptr;
}

SharedMemory& require_shared_memory(const char* what) {
    if (shared == nullptr)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "%s needs the library to be preloaded", what)
            .hint("Add pg_sessionctl to shared_preload_libraries and restart the server.");
    return *shared;
}

} // namespace sessionctl::pg
