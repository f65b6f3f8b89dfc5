// Audit records of changes that take effect at commit: written at commit, dropped if the transaction or
// subtransaction is rolled back.
#pragma once

#include "pg/account/audit_record.hpp"

namespace sessionctl::pg {

/// For a prepared transaction the result says that it was prepared: another session decides whether it
/// commits.
void keep_at_commit(const AuditRecord& record);

} // namespace sessionctl::pg
