#include "pg/reaper/session_values.hpp"

#include <csignal>

namespace sessionctl::pg {

namespace {

/// What is kept with a value.
struct ValueOrigin {
    GucSource source;
    Oid set_by;
};

constexpr SessionValue not_its_own = {inherited, InvalidOid};

/// Whose rights a SET has at this moment; invalid where there is nobody yet.
Oid role_in_force() noexcept {
    Oid role;
    int context;
    GetUserIdAndSecContext(&role, &context);
    return role;
}

/// General values do not apply to a walsender: a table sync would be ended, restarted and ended again,
/// forever.
bool is_own(GucSource source) noexcept {
    return source >= (compat::own_kind() == core::Kind::client ? PGC_S_GLOBAL : PGC_S_DATABASE);
}

void claim(SessionSlot& slot) noexcept {
    if (slot.pid == MyProcPid && slot.start == compat::own_start())
        return;
    slot.pid = 0; // not valid meanwhile
    for (auto& value : slot.limits)
        value = inherited;
    for (auto& value : slot.lock_settings)
        value = not_its_own;
    slot.start = compat::own_start();
    slot.pid = MyProcPid;
}

} // namespace

bool keep_source(void** extra, GucSource source) noexcept {
    auto* const kept = static_cast<ValueOrigin*>(compat::allocate_guc_extra(sizeof(ValueOrigin)));
    if (kept == nullptr)
        return false;
    *kept = {source, source > PGC_S_INTERACTIVE ? role_in_force() : InvalidOid};
    *extra = kept;
    return true;
}

SessionSlot* slot_to_publish(const void* extra) noexcept {
    SessionSlot* const slot = IsUnderPostmaster ? session_slot(compat::own_slot()) : nullptr;
    if (slot == nullptr || extra == nullptr)
        return nullptr;
    claim(*slot);
    return slot;
}

SessionValue value_to_publish(std::int32_t value, const void* extra) noexcept {
    const auto& origin = *static_cast<const ValueOrigin*>(extra);
    return is_own(origin.source) ? SessionValue{value, origin.set_by} : not_its_own;
}

bool belongs_to(const SessionSlot& slot, const core::Identity& session) noexcept {
    return slot.pid == session.pid && slot.start == session.start;
}

bool forget_if_dead(SessionSlot& slot) noexcept {
    std::int32_t pid = slot.pid;
    const core::Timestamp start = slot.start;
    if (pid == 0 || kill(pid, 0) == 0 || errno != ESRCH)
        return false;
    if (slot.pid.compare_exchange_strong(pid, 0) && slot.start != start)
        slot.pid = pid; // claimed since, by another process with that pid
    return true;
}

} // namespace sessionctl::pg
