#include "pg/logins/cooldown_sweep.hpp"

#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"
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

/// From 18 on a login is in the session table from its beginning.
bool is_session(const core::Session& session) noexcept {
    return session.state != core::State::starting;
}

bool is_session_by_now(std::int32_t pid) {
    core::vector<core::Session> sessions;
    call([&sessions] { list_sessions(sessions); });
    return std::any_of(sessions.begin(), sessions.end(),
                       [pid](const core::Session& each) { return each.id.pid == pid && is_session(each); });
}

} // namespace

/// When the roster was taken: visible to a condition.
bool CooldownSweep::was_session(std::int32_t pid) const noexcept {
    const RosterEntry* const entry = roster_.find(pid);
    return entry != nullptr && is_session(entry->facts);
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
        ended_logins_.end(pending_login.pid, member.role, [&] {
            return has_pass(*pending_login.slot, pending_login.pid) &&
                   !(leaves_sessions_ && is_session_by_now(pending_login.pid));
        });
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

void CooldownSweep::end_pending_logins_at_once() {
    if (logins_.empty())
        return;
    leaves_sessions_ = true;
    for (PendingLogin& pending_login : pending_logins())
        is_settled(pending_login);
}

int CooldownSweep::wait_for_pending_logins(core::Timestamp deadline) {
    return ended_logins_.wait(deadline) + without_role_;
}

} // namespace sessionctl::pg
