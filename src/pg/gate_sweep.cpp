#include "pg/gate_sweep.hpp"

#include "pg/audit_record.hpp"
#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/server.hpp"
#include "pg/shared_memory.hpp"
#include "pg/signals.hpp"

#include <csignal>

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp pause_length = 2 * core::microseconds_per_millisecond;

bool contains(const core::vector<Oid>& roles, Oid role) noexcept {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
}

/// The pids of all sessions in the session table, sorted.
core::vector<std::int32_t> listed_pids() {
    core::vector<core::Session> sessions;
    call([&sessions] { list_sessions(sessions); });
    core::vector<std::int32_t> pids;
    for (const core::Session& session : sessions)
        if (session.kind == core::Kind::client || session.kind == core::Kind::walsender)
            pids.push_back(session.id.pid);
    std::sort(pids.begin(), pids.end());
    return pids;
}

struct Newcomer {
    bool is_there;
    Oid role; // 0: not known yet
};

Newcomer newcomer_of(std::int32_t pid) {
    return call([pid]() -> Newcomer {
        const PGPROC* const proc = BackendPidGetProc(pid);
        if (proc == nullptr)
            return {};
        const Oid role = *const_cast<const volatile Oid*>(&proc->roleId);
        // The slot may be another's by now.
        return *const_cast<const volatile int*>(&proc->pid) == pid ? Newcomer{true, role} : Newcomer{};
    });
}

std::int32_t pid_of(const std::atomic<std::int32_t>& pass) noexcept {
    return std::abs(pass.load(std::memory_order_seq_cst));
}

} // namespace

void GateSweep::end_newcomers(core::Timestamp deadline) {
    for (;;) {
        const core::Timestamp now = monotonic_now();
        without_role_ = look();
        if (without_role_ == 0 || now >= deadline)
            return;
        pause(pause_length);
    }
}

int GateSweep::wait_for_newcomers(core::Timestamp deadline) {
    for (;;) {
        const core::Timestamp now = monotonic_now();
        const auto rest = std::remove_if(ended_.begin(), ended_.end(),
                                         [](std::int32_t pid) { return !newcomer_of(pid).is_there; });
        ended_.erase(rest, ended_.end());
        if (ended_.empty() || now >= deadline)
            return static_cast<int>(ended_.size()) + without_role_;
        pause(pause_length);
    }
}

int GateSweep::look() {
    SharedMemory& shared = *shared_memory();
    int without_role = 0;
    // A session that enters the table after this is taken for a newcomer: it is ended all the same.
    const core::vector<std::int32_t> listed = listed_pids();
    for (int i = 0; i < shared.slot_count; ++i) {
        const std::atomic<std::int32_t>& pass = shared.slots[i].pass.pid;
        const std::int32_t pid = pid_of(pass);
        if (pid == 0 || pid == MyProcPid)
            continue;
        const Newcomer newcomer = newcomer_of(pid);
        if (!newcomer.is_there)
            continue;
        if (!OidIsValid(newcomer.role))
            ++without_role;
        else if (is_refused(newcomer.role) && !std::binary_search(listed.begin(), listed.end(), pid))
            end(pid, newcomer.role, pass);
    }
    return without_role;
}

bool GateSweep::is_refused(Oid role) {
    if (contains(refused_, role))
        return true;
    if (contains(let_in_, role))
        return false;
    const core::Login login = call([&] { return login_of(role, false, state_); });
    const bool refused = !core::lets_in(state_, login);
    (refused ? refused_ : let_in_).push_back(role);
    return refused;
}

void GateSweep::end(std::int32_t pid, Oid role, const std::atomic<std::int32_t>& pass) {
    const bool is_walsender = pass.load() < 0;
    const bool may_end = call([role] { return compat::may_signal(GetUserId(), role); });
    if (!may_end || (is_walsender && !state_.include_replication) ||
        std::find(ended_.begin(), ended_.end(), pid) != ended_.end())
        return;
    Signaller signaller;
    if (!signaller.hold(pid))
        return;
    // Pinned, and still the one with that pass and that role.
    const Newcomer newcomer = newcomer_of(pid);
    if (pid_of(pass) != pid || !newcomer.is_there || newcomer.role != role ||
        signaller.send(SIGTERM) != core::Delivery::delivered)
        return;
    ended_.push_back(pid);
    tell(pid, role);
}

void GateSweep::tell(std::int32_t pid, Oid role) {
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
