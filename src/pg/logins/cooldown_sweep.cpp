#include "pg/logins/cooldown_sweep.hpp"

#include "pg/monotonic.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp cooldown_poll_interval = 2 * core::microseconds_per_millisecond;
/// Between its pass and its role a login has only a few instructions to run.
constexpr core::Timestamp cooldown_sweep_timeout = core::microseconds_per_second;

bool has_pass(const SessionSlot& slot, std::int32_t pid) noexcept {
    return slot.pass.pid.load(std::memory_order_seq_cst) == pid;
}

} // namespace

/// From 18 on a login is in the session table from its beginning, but not yet visible to a condition.
bool CooldownSweep::was_session(std::int32_t pid) const noexcept {
    const RosterEntry* const entry = roster_.find(pid);
    return entry != nullptr && entry->facts.state != core::State::starting;
}

core::vector<CooldownSweep::PendingLogin> CooldownSweep::pending_logins() const {
    core::vector<PendingLogin> found;
    SharedMemory& shared = *shared_memory();
    for (int i = 0; i < shared.slot_count; ++i) {
        PendingLogin pending_login = {&shared.slots[i], shared.slots[i].pass.pid, {}};
        core::Origin& origin = pending_login.login.origin;
        if (pending_login.pid > 0 && pending_login.pid != MyProcPid && !was_session(pending_login.pid) &&
            origin_of(*pending_login.slot, pending_login.pid, origin) &&
            std::any_of(logins_.begin(), logins_.end(),
                        [&origin](const core::LoginKey& login) { return login.origin == origin; }))
            found.push_back(pending_login);
    }
    return found;
}

/// Ends the login if it matches one of the keys. False if its role is not known yet.
bool CooldownSweep::is_settled(PendingLogin& pending_login) {
    const ArrayMember member = array_member(pending_login.pid);
    if (!member.is_there || !has_pass(*pending_login.slot, pending_login.pid))
        return true;
    if (!OidIsValid(member.role))
        return false;
    pending_login.login.role = member.role;
    if (std::find(logins_.begin(), logins_.end(), pending_login.login) != logins_.end())
        ended_logins_.end(pending_login.pid, member.role,
                          [&pending_login] { return has_pass(*pending_login.slot, pending_login.pid); });
    return true;
}

void CooldownSweep::end_pending_logins(core::Timestamp deadline) {
    if (logins_.empty())
        return;
    // A login that begins after this sees the cooldown.
    core::vector<PendingLogin> open = pending_logins();
    const core::Timestamp end = std::min(monotonic_now() + cooldown_sweep_timeout, deadline);
    for (;;) {
        const core::Timestamp now = monotonic_now();
        const auto rest = std::remove_if(open.begin(), open.end(), [&](PendingLogin& pending_login) {
            return has_time(deadline) && is_settled(pending_login);
        });
        open.erase(rest, open.end());
        if (open.empty() || now >= end)
            break;
        pause(cooldown_poll_interval);
    }
    without_role_ = static_cast<int>(open.size());
}

int CooldownSweep::wait_for_pending_logins(core::Timestamp deadline) {
    return ended_logins_.wait(deadline) + without_role_;
}

} // namespace sessionctl::pg
