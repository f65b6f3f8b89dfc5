// What the audit of a sweep has to know from the session whose transaction shut a role out: it may be gone
// when the sweep begins, and so may the role.
#pragma once

#include "pg/account/audit_record.hpp"

namespace sessionctl::pg {

struct SweepNote {
    TransactionId after; // that transaction
    Oid role;
    AuditRecord::Name role_name;
    AuditRecord::Name by_session_user, by_current_user;
    AuditText<32> by_session_id;
};

/// The last ones; under the audit's lock.
struct SweepNotes {
    static constexpr std::uint32_t size = 128;

    std::uint32_t count; // ever
    SweepNote notes[size];
};

} // namespace sessionctl::pg
