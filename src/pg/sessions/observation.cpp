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

bool RecentProcesses::has(int pid) {
    if (pids_.empty()) {
        compat::list_process_pids(pids_);
        std::sort(pids_.begin(), pids_.end());
    }
    return std::binary_search(pids_.begin(), pids_.end(), pid);
}

/// A session leaves the session table first, then the process array, and then it gives up its latch; only
/// then it is gone. If its pid is in the table again, the process is another one.
core::Observation look_at(const core::Session& session, RecentProcesses& processes) {
    core::Observation observed = look_at_table(session);
    observed.present = observed.listed || (processes.has(session.id.pid) && !is_in_table(session.id.pid));
    return observed;
}

core::Observation look_at(const core::Session& session) {
    core::Observation observed = look_at_table(session);
    const int pid = session.id.pid;
    observed.present = observed.listed || (compat::process_with_pid(pid) != nullptr && !is_in_table(pid));
    return observed;
}

} // namespace sessionctl::pg
