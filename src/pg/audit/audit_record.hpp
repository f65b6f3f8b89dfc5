// One session acted on, or one lockdown or unlock: by which role, on what, why, with what result. Plain data
// of fixed size, for the log and for shared memory.
#pragma once

#include "core/sessions/plan.hpp"
#include "pg/audit/audit_mark.hpp"
#include "pg/audit/audit_text.hpp"
#include "pg/audit/evidence.hpp"
#include "pg/audit/log_line.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

struct AuditRecord {
    static constexpr std::size_t longest_field = 500;

    using Name = AuditText<NAMEDATALEN>;
    using Field = AuditText<longest_field + 1>;

    core::Timestamp at;
    std::int32_t encoding; // of the texts that users wrote
    std::int32_t pid;      // 0: not about a session
    AuditText<AuditMark::size> mark;
    AuditText<24> action;
    AuditText<48> result;
    AuditText<32> session_id;
    Name role, database, application, client;
    Evidence evidence; // about the session that was acted on
    Name by_session_user, by_current_user;
    AuditText<32> by_session_id;
    Name rule;     // of the reaper
    Name cooldown; // this and the fields below: of a call
    Field condition;
    Field args;
    AuditText<2 * longest_field + 1> details; // of a lockdown: key=value pairs
    Field reason;

    /// A record of this action by the caller.
    static AuditRecord by_caller(const char* action, const char* result);

    /// Fills in the session that was acted on.
    void describe(const RosterEntry& session);
    /// For a session of which nothing more is known.
    void describe(const core::Identity& session);
    /// Sets a text that a user wrote, in one line; it may be null.
    void set_field(Field& field, const char* text, const core::Characters& characters = own_characters());

    /// One line in the server log; never raises.
    void log() const noexcept;
};

/// Writes the log line and appends to the ring, for every action on a session and every lockdown. `encoding`
/// is that of the texts that users wrote.
void keep_record(AuditRecord& record, int encoding = own_encoding()) noexcept;
/// Only the log line, for what any role may have done as often as it likes: the ring is for the rest.
void log_record(AuditRecord& record, int encoding = own_encoding()) noexcept;

} // namespace sessionctl::pg
