// Records of what takes effect with the transaction: kept when it commits, forgotten when it, or the
// subtransaction, is rolled back.
#pragma once

#include "pg/account/audit_record.hpp"

namespace sessionctl::pg {

/// Of a transaction that is prepared the result says so: whether and when it commits is decided elsewhere.
void keep_at_commit(const AuditRecord& record);

} // namespace sessionctl::pg
