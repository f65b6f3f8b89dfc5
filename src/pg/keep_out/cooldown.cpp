#include "pg/keep_out/cooldown.hpp"

#include "pg/audit/log_line.hpp"
#include "pg/clients/client_address.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/logins/ended_logins.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

static_assert(std::is_trivially_copyable_v<core::CooldownTable> && sizeof(core::Cooldown) <= 1024);

/// Under SECURITY DEFINER or SET ROLE, the session user and the current user differ: only if both are
/// superusers is it a superuser's cooldown.
core::CooldownSetter setter(Oid user) {
    return call([user] { return core::CooldownSetter{user, superuser_arg(user) && superuser()}; });
}

void undo(void* request) noexcept {
    static_cast<CallCooldowns*>(request)->withdraw();
}

} // namespace

bool origin_of(const SessionSlot& slot, std::int32_t pid, core::Origin& origin) noexcept {
    const auto is_its = [&slot, pid] {
        return std::abs(slot.pass.pid.load(std::memory_order_acquire)) == pid;
    };
    if (!is_its())
        return false;
    std::memcpy(&origin, &slot.origin, sizeof origin);
    std::atomic_thread_fence(std::memory_order_acquire);
    return is_its();
}

bool find_cooldown(const core::LoginKey& login, core::Cooldown& found) {
    SharedMemory& shared = *shared_memory();
    LWLockAcquire(shared.cooldown_lock, LW_SHARED);
    const core::Cooldown* const running = shared.cooldowns.table.find(login, monotonic_now());
    if (running != nullptr)
        found = *running;
    LWLockRelease(shared.cooldown_lock);
    return running != nullptr;
}

core::vector<core::Cooldown> running_cooldowns() {
    core::vector<core::Cooldown> running;
    const SharedMemory* const shared = shared_memory();
    if (shared == nullptr || !gate_setting() || shared->cooldowns.are_over())
        return running;
    running.reserve(core::CooldownTable::capacity);
    call([&] {
        LWLockAcquire(shared->cooldown_lock, LW_SHARED);
        const core::Timestamp now = monotonic_now();
        for (const core::Cooldown& each : shared->cooldowns.table.places)
            if (each.is_running_at(now))
                running.push_back(each); // cannot allocate: reserved above
        LWLockRelease(shared->cooldown_lock);
    });
    return running;
}

std::int64_t connected_of(const core::LoginKey& login) {
    SharedMemory& shared = *shared_memory();
    std::int64_t count = 0;
    core::Origin origin;
    for (int i = 0; i < shared.slot_count; ++i) {
        const std::int32_t pid = shared.slots[i].pass.pid;
        if (pid > 0 && origin_of(shared.slots[i], pid, origin) && origin == login.origin)
            count += array_member(pid).role == login.role;
    }
    return count;
}

CallCooldowns::CallCooldowns(std::int64_t milliseconds, const Roster& roster, const char* reason, Oid user)
    : length_(milliseconds * core::microseconds_per_millisecond), roster_(roster), guard_(undo, this) {
    if (length_ == 0)
        return;
    next_.setter = setter(user);
    if (const char* const name = call([user] { return compat::role_name_or_null(user); }))
        pg::keep(next_.by, kept_name(name));
    if (reason != nullptr)
        pg::keep(next_.reason, kept_reason(reason));
}

bool CallCooldowns::concerns(const core::Session& session, core::LoginKey& login) const {
    if (length_ == 0 || session.is_superuser || !core::is_login(session.kind))
        return false;
    const SessionSlot* const slot = session_slot(session.slot);
    login.role = roster_.at(session.id.pid).role;
    return slot != nullptr && origin_of(*slot, session.id.pid, login.origin);
}

void CallCooldowns::begin(const core::Session& session) {
    place_ = nullptr;
    is_begun_ = concerns(session, next_.login);
    if (!is_begun_)
        return;
    logins_.reserve(logins_.size() + 1);
    SharedMemory& shared = *shared_memory();
    call([&] {
        LWLockAcquire(shared.cooldown_lock, LW_EXCLUSIVE);
        next_.since = monotonic_now();
        next_.until = next_.since + length_;
        core::Cooldown& place = shared.cooldowns.table.place_for(next_.login, next_.setter, next_.since);
        if (!place.is_of(next_.login, next_.setter) || place.until < next_.until) {
            before_ = place;
            place = next_;
            place_ = &place;
        }
        shared.cooldowns.latest_end = std::max(shared.cooldowns.latest_end.load(), next_.until);
        LWLockRelease(shared.cooldown_lock);
    });
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void CallCooldowns::keep() noexcept {
    if (!std::exchange(is_begun_, false))
        return;
    if (std::find(logins_.begin(), logins_.end(), next_.login) == logins_.end())
        logins_.push_back(next_.login); // cannot allocate: reserved above
    if (std::exchange(place_, nullptr) != nullptr)
        displaced_ += before_.is_running_at(next_.since) && !before_.is_of(next_.login, next_.setter);
}

void CallCooldowns::withdraw() noexcept {
    is_begun_ = false;
    core::Cooldown* const place = std::exchange(place_, nullptr);
    if (place == nullptr)
        return;
    SharedMemory& shared = *shared_memory();
    LWLockAcquire(shared.cooldown_lock, LW_EXCLUSIVE);
    if (place->is_of(next_.login, next_.setter) && place->since == next_.since && place->until == next_.until)
        *place = before_;
    LWLockRelease(shared.cooldown_lock);
}

} // namespace sessionctl::pg
