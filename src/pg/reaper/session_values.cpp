#include "pg/reaper/session_values.hpp"

#include <csignal>

namespace sessionctl::pg {

namespace {

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
        value = inherited;
    slot.start = compat::own_start();
    slot.pid = MyProcPid;
}

} // namespace

bool keep_source(void** extra, GucSource source) noexcept {
    auto* const kept = static_cast<GucSource*>(compat::allocate_guc_extra(sizeof(GucSource)));
    if (kept == nullptr)
        return false;
    *kept = source;
    *extra = kept;
    return true;
}

bool publish(std::atomic<std::int32_t>& (*place)(SessionSlot&, int), int number, std::int32_t value,
             const void* extra) noexcept {
    SessionSlot* const slot = IsUnderPostmaster ? session_slot(compat::own_slot()) : nullptr;
    if (slot == nullptr || extra == nullptr)
        return false;
    claim(*slot);
    place(*slot, number) = is_own(*static_cast<const GucSource*>(extra)) ? value : inherited;
    return true;
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
