#include "pg/server_sweep.hpp"

#include "pg/audit_record.hpp"
#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/server.hpp"
#include "pg/session_table.hpp"
#include "pg/signals.hpp"

#include <csignal>

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp pause_length = 2 * core::microseconds_per_millisecond;

bool has(const core::vector<Oid>& roles, Oid role) noexcept {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
}

} // namespace

ArrayMember array_member(std::int32_t pid) {
    return call([pid]() -> ArrayMember {
        const PGPROC* const proc = BackendPidGetProc(pid);
        if (proc == nullptr)
            return {};
        const Oid role = *const_cast<const volatile Oid*>(&proc->roleId);
        // The slot may be another's by now.
        return *const_cast<const volatile int*>(&proc->pid) == pid ? ArrayMember{true, role} : ArrayMember{};
    });
}

bool contains(const core::vector<std::int32_t>& pids, std::int32_t pid) noexcept {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

void ServerSweep::end_newcomers(core::Timestamp deadline) {
    for (;;) {
        const core::Timestamp now = monotonic_now();
        without_role_ = look();
        if (without_role_ == 0 || now >= deadline)
            return;
        pause(pause_length);
    }
}

int ServerSweep::wait_for_newcomers(core::Timestamp deadline) {
    for (;;) {
        const core::Timestamp now = monotonic_now();
        const auto rest = std::remove_if(ended_.begin(), ended_.end(),
                                         [](std::int32_t pid) { return !array_member(pid).is_there; });
        ended_.erase(rest, ended_.end());
        if (ended_.empty() || now >= deadline)
            return static_cast<int>(ended_.size()) + without_role_;
        pause(pause_length);
    }
}

bool ServerSweep::is_refused(Oid role) {
    if (has(refused_, role))
        return true;
    if (has(let_in_, role))
        return false;
    const core::Login login = call([&] { return login_of(role, false, state_); });
    const bool refused = !core::lets_in(state_, login);
    (refused ? refused_ : let_in_).push_back(role);
    return refused;
}

void ServerSweep::end(std::int32_t pid, Oid role) {
    const bool may_end = call([role] { return compat::may_signal(GetUserId(), role); });
    Signaller signaller;
    if (!may_end || is_ended(pid) || !signaller.hold(pid))
        return;
    const ArrayMember member = array_member(pid);
    if (!is_still(pid) || !member.is_there || member.role != role ||
        signaller.send(SIGTERM) != core::Delivery::delivered)
        return;
    ended_.push_back(pid);
    tell(pid, role);
}

void ServerSweep::tell(std::int32_t pid, Oid role) {
    AuditRecord record = {};
    record.pid = pid;
    record.action.set("terminate");
    record.result.set("signalled");
    record.session_id.set(nullptr);
    record.role.set(call([role] { return compat::role_name_or_null(role); }));
    record.by_session_user.set(MyProcPort != nullptr ? compat::role_of_login(MyProcPort) : nullptr);
    record.by_current_user.set(call([] { return compat::role_name_or_null(GetUserId()); }));
    record.by_session_id.set(core::SessionId(own_identity()).text);
    record.set_field(record.condition, "a login under way");
    record.set_field(record.reason, reason_);
    keep_record(record);
}

} // namespace sessionctl::pg
