#include "pg/logins/ended_logins.hpp"

#include "compat/process_places.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/statement_time.hpp"

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp refusal_poll_interval = 2 * core::microseconds_per_millisecond;

} // namespace

ArrayMember array_member(std::int32_t pid) {
    return call([pid]() -> ArrayMember {
        const PGPROC* const proc = compat::process_with_pid(pid);
        Oid role = InvalidOid;
        const bool is_there = proc != nullptr && compat::read_place(*proc, pid, [&role](const auto& live) {
                                  role = live.roleId;
                              });
        return is_there ? ArrayMember{true, role} : ArrayMember{};
    });
}

bool contains(const core::vector<std::int32_t>& pids, std::int32_t pid) noexcept {
    return std::find(pids.begin(), pids.end(), pid) != pids.end();
}

int EndedLogins::wait(core::Timestamp deadline) {
    for (;;) {
        const core::Timestamp now = monotonic_now();
        const auto rest = std::remove_if(pids_.begin(), pids_.end(),
                                         [](std::int32_t pid) { return !array_member(pid).is_there; });
        pids_.erase(rest, pids_.end());
        if (pids_.empty() || now >= deadline)
            return static_cast<int>(pids_.size());
        pause(refusal_poll_interval);
    }
}

void EndedLogins::write_audit(std::int32_t pid, Oid role) const {
    AuditRecord record = {};
    record.pid = pid;
    record.action.set("terminate");
    record.result.set("signalled");
    record.session_id.set(nullptr);
    record.role.set(call([role] { return compat::role_name_or_null(role); }));
    record.by_session_user.set(MyProcPort != nullptr ? compat::role_of_login(MyProcPort) : nullptr);
    record.by_current_user.set(call([] { return compat::role_name_or_null(GetUserId()); }));
    record.by_session_id.set(core::SessionId(own_identity()).text);
    record.evidence = Evidence::of_login(role);
    record.set_field(record.condition, "a login under way");
    record.set_field(record.reason, reason_);
    keep_record(record);
}

} // namespace sessionctl::pg
