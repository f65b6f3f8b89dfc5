// Audit records of changes that take effect at commit: written at commit, dropped if the transaction or
// subtransaction is rolled back.
#pragma once

#include "pg/audit/audit_record.hpp"

namespace sessionctl::pg {

/// After PREPARE TRANSACTION the result says so: another session decides whether it commits.
void keep_at_commit(const AuditRecord& record);

} // namespace sessionctl::pg
