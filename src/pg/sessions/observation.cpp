#include "pg/sessions/observation.hpp"

#include "compat/postgres.hpp"
#include "compat/process_places.hpp"
#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"

namespace sessionctl::pg {

namespace {

bool is_in_table(int pid) noexcept {
    const compat::StatusArray table = compat::status_array();
    for (int slot = 0; slot < table.count; ++slot)
        if (table.entries[slot].st_procpid == pid)
            return true;
    return false;
}

/// The pid of a session that has ended may be a login's, which has no role until it is authenticated.
bool may_be(const core::Session& session, Oid role) noexcept {
    return OidIsValid(role) || !core::is_login(session.kind);
}

/// All but whether it is present.
core::Observation look_at_table(const core::Session& session) {
    return call([&session] {
        core::Observation observed = {};
        read_consistently(compat::status_array().at(session.slot), [&](const PgBackendStatus& entry) {
            observed.listed = identity_of(entry) == session.id;
            observed.state = compat::state_of(entry);
            observed.state_change = entry.st_state_start_timestamp;
            observed.query_start = entry.st_activity_start_timestamp;
            observed.xact_start = entry.st_xact_start_timestamp;
        });
        observed.is_streaming = is_streaming(session);
        observed.is_in_transaction =
            core::is_background(session.kind) && compat::is_in_transaction(session.slot, session.id.pid);
        if (session.kind == core::Kind::walsender || observed.is_streaming)
            observed.xact_start = 0;
        return observed;
    });
}

} // namespace

bool RecentProcesses::has(const core::Session& session) {
    const auto is_before = [](const auto& one, const auto& other) { return one.pid < other.pid; };
    if (processes_.empty()) {
        compat::list_processes(processes_);
        std::sort(processes_.begin(), processes_.end(), is_before);
    }
    const compat::ProcessInPlace wanted = {session.id.pid, InvalidOid};
    const auto found = std::lower_bound(processes_.begin(), processes_.end(), wanted, is_before);
    return found != processes_.end() && found->pid == wanted.pid && may_be(session, found->role);
}

/// A session leaves the session table first, then the process array, and then it gives up its latch; only
/// then it is gone. If its pid is in the table again, the process is another one.
core::Observation look_at(const core::Session& session, RecentProcesses& processes) {
    core::Observation observed = look_at_table(session);
    observed.present = observed.listed || (processes.has(session) && !is_in_table(session.id.pid));
    return observed;
}

core::Observation look_at(const core::Session& session) {
    core::Observation observed = look_at_table(session);
    const PGPROC* const process = compat::process_with_pid(session.id.pid);
    observed.present =
        observed.listed || (process != nullptr && may_be(session, compat::role_of_process(*process)) &&
                            !is_in_table(session.id.pid));
    return observed;
}

} // namespace sessionctl::pg
