// One session acted on, or one lockdown or unlock: by whom, on whom, what, why, with what result. Plain data
// of fixed size, as it goes to the log and into shared memory.
#pragma once

#include "core/sessions/plan.hpp"
#include "pg/account/audit_mark.hpp"
#include "pg/account/audit_text.hpp"
#include "pg/account/evidence.hpp"
#include "pg/account/log_line.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

struct AuditRecord {
    static constexpr std::size_t longest_field = 500;

    using Name = AuditText<NAMEDATALEN>;
    using Field = AuditText<longest_field + 1>;

    core::Timestamp at;
    std::int32_t encoding; // of what people wrote
    std::int32_t pid;      // 0: of no session
    AuditText<AuditMark::size> mark;
    AuditText<24> action;
    AuditText<48> result;
    AuditText<32> session_id;
    Name role, database, application, client;
    Evidence evidence; // of a session that was acted on
    Name by_session_user, by_current_user;
    AuditText<32> by_session_id;
    Name rule;     // the reaper's
    Name cooldown; // a call's, as are those below
    Field condition;
    Field args;
    AuditText<2 * longest_field + 1> details; // of a lockdown: key=value pairs
    Field reason;

    /// By the caller, for this.
    static AuditRecord by_caller(const char* action, const char* result);

    /// On whom.
    void describe(const RosterEntry& session);
    /// Where nothing more is known of it.
    void describe(const core::Identity& session);
    /// What a person wrote, made one line; may be null.
    void set_field(Field& field, const char* text, const core::Characters& characters = own_characters());

    /// One line in the server log; never raises.
    void log() const noexcept;
};

/// Log line, ring and nothing else: what everybody does who acted on a session, or locked something down.
/// `encoding` is of what people wrote.
void keep_record(AuditRecord& record, int encoding = own_encoding()) noexcept;

} // namespace sessionctl::pg
