#include "pg/keep_out/cooldown_sweep.hpp"

#include "pg/monotonic.hpp"
#include "pg/sessions/server.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp cooldown_poll_interval = 2 * core::microseconds_per_millisecond;
/// From its pass to its role a login has a few instructions to go.
constexpr core::Timestamp cooldown_sweep_patience = core::microseconds_per_second;

bool has_pass(const SessionSlot& slot, std::int32_t pid) noexcept {
    return slot.pass.pid.load(std::memory_order_seq_cst) == pid;
}

} // namespace

/// From 18 on a login stands in the table from its beginning; a condition sees nothing of it yet.
bool CooldownSweep::was_session(std::int32_t pid) const noexcept {
    const RosterEntry* const entry = roster_.find(pid);
    return entry != nullptr && entry->facts.state != core::State::starting;
}

core::vector<CooldownSweep::Newcomer> CooldownSweep::newcomers() const {
    core::vector<Newcomer> found;
    SharedMemory& shared = *shared_memory();
    for (int i = 0; i < shared.slot_count; ++i) {
        Newcomer newcomer = {&shared.slots[i], shared.slots[i].pass.pid, {}};
        core::Origin& origin = newcomer.login.origin;
        if (newcomer.pid > 0 && newcomer.pid != MyProcPid && !was_session(newcomer.pid) &&
            origin_of(*newcomer.slot, newcomer.pid, origin) &&
            std::any_of(logins_.begin(), logins_.end(),
                        [&origin](const core::LoginKey& login) { return login.origin == origin; }))
            found.push_back(newcomer);
    }
    return found;
}

/// Ends it if it is one of them. False where that is not known yet.
bool CooldownSweep::is_settled(Newcomer& newcomer) {
    const ArrayMember member = array_member(newcomer.pid);
    if (!member.is_there || !has_pass(*newcomer.slot, newcomer.pid))
        return true;
    if (!OidIsValid(member.role))
        return false;
    newcomer.login.role = member.role;
    if (std::find(logins_.begin(), logins_.end(), newcomer.login) != logins_.end())
        turned_away_.end(newcomer.pid, member.role,
                         [&newcomer] { return has_pass(*newcomer.slot, newcomer.pid); });
    return true;
}

void CooldownSweep::end_newcomers(core::Timestamp deadline) {
    if (logins_.empty())
        return;
    // Who comes after this look sees the cooldown.
    core::vector<Newcomer> open = newcomers();
    const core::Timestamp end = std::min(monotonic_now() + cooldown_sweep_patience, deadline);
    for (;;) {
        const core::Timestamp now = monotonic_now();
        const auto rest = std::remove_if(open.begin(), open.end(), [&](Newcomer& newcomer) {
            return has_time(deadline) && is_settled(newcomer);
        });
        open.erase(rest, open.end());
        if (open.empty() || now >= end)
            break;
        pause(cooldown_poll_interval);
    }
    without_role_ = static_cast<int>(open.size());
}

int CooldownSweep::wait_for_newcomers(core::Timestamp deadline) {
    return turned_away_.wait(deadline) + without_role_;
}

} // namespace sessionctl::pg
