// What the client and the audit are told of a violation.
#pragma once

#include "core/reaper/limit_monitor.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/sessions/client_message.hpp"

namespace sessionctl::worker {

pg::ClientMessage client_message_of(const core::LimitViolation& violation);

/// Without the action and its result.
pg::AuditRecord record_of(const core::LimitViolation& violation, const pg::RosterEntry& entry,
                          pg::RecentLockWaits& waits);

} // namespace sessionctl::worker
