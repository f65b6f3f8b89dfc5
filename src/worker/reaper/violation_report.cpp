#include "worker/reaper/violation_report.hpp"

#include "core/reaper/violation_text.hpp"
#include "pg/sessions/session_table.hpp"

namespace sessionctl::worker {

pg::ClientMessage client_message_of(const core::LimitViolation& violation) {
    pg::ClientMessage client_message;
    std::snprintf(client_message.detail, sizeof client_message.detail, "%s",
                  core::detail_of(violation).c_str());
    std::snprintf(client_message.hint, sizeof client_message.hint, "%s", core::hint_of(violation));
    return client_message;
}

pg::AuditRecord record_of(const core::LimitViolation& violation, const pg::RosterEntry& entry,
                          pg::RecentLockWaits& waits) {
    pg::AuditRecord record = {};
    record.describe(entry);
    record.by_session_id.set(core::SessionId(pg::own_identity()).text);
    record.rule.set(core::rule_name(violation.rule));
    record.set_field(record.reason, core::detail_of(violation).c_str());
    record.evidence = pg::evidence_of(entry, waits);
    return record;
}

} // namespace sessionctl::worker
