// What the audit of a sweep needs from the session whose transaction shut a role out: the session and the
// role may be gone when the sweep begins.
#pragma once

#include "pg/audit/audit_record.hpp"

namespace sessionctl::pg {

struct SweepNote {
    TransactionId after; // that transaction
    Oid role;
    AuditRecord::Name role_name;
    AuditRecord::Name by_session_user, by_current_user;
    AuditText<32> by_session_id;
};

/// The latest notes; protected by the audit's lock.
struct SweepNotes {
    static constexpr std::uint32_t size = 128;

    std::uint32_t count; // total count
    SweepNote notes[size];
};

} // namespace sessionctl::pg
