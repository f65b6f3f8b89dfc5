#include "pg/audit/audit_record.hpp"

#include "pg/audit/audit_ring.hpp"
#include "pg/audit/log_line.hpp"
#include "pg/clients/client_address.hpp"
#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"

namespace sessionctl::pg {

namespace {

core::string client_of(const RosterEntry& entry) {
    const ClientAddress client(entry.client);
    if (!client.is_network())
        return client.is_local() ? "local" : "unknown";
    const bool is_ipv6 = std::strchr(client.host, ':') != nullptr;
    char text[NI_MAXHOST + 16];
    std::snprintf(text, sizeof text, is_ipv6 ? "[%s]:%d" : "%s:%d", client.host, client.port);
    return text;
}

void add_session(LogLine& line, const AuditRecord& record) {
    line.add("session_id", record.session_id.get());
    line.add("pid", record.pid);
    line.add_quoted("usename", record.role.get());
    line.add_quoted("datname", record.database.get());
    line.add_quoted("application_name", record.application.get());
    line.add("client", record.client.get());
    record.evidence.add_to(line);
}

/// The database or role that is locked down. Neither: the server.
void add_object(LogLine& line, const AuditRecord& record) {
    if (record.role.is_present)
        line.add_quoted("usename", record.role.get());
    if (record.database.is_present)
        line.add_quoted("datname", record.database.get());
}

LogLine line_of(const AuditRecord& record) {
    LogLine line;
    line.add("action", record.action.get());
    line.add_quoted("result", record.result.get());
    if (record.pid != 0)
        add_session(line, record);
    else
        add_object(line, record);
    line.add_quoted("by_session_user", record.by_session_user.get());
    line.add_quoted("by_current_user", record.by_current_user.get());
    line.add("by_session_id", record.by_session_id.get());
    if (record.rule.is_present)
        line.add_quoted("rule", record.rule.get());
    if (record.condition.is_present)
        line.add_quoted("condition", record.condition.get());
    if (record.args.is_present)
        line.add_quoted("args", record.args.get());
    if (record.cooldown.is_present)
        line.add_quoted("cooldown", record.cooldown.get());
    if (record.details.is_present)
        line.add_all(record.details.get());
    line.add_quoted("reason", record.reason.get());
    return line;
}

} // namespace

void AuditRecord::describe(const core::Identity& session) {
    pid = session.pid;
    session_id.set(core::SessionId(session).text);
    for (Name* const name : {&role, &database, &application, &client})
        name->set(nullptr);
    evidence = {};
}

AuditRecord AuditRecord::by_caller(const char* action, const char* result) {
    AuditRecord record = {};
    record.action.set(action);
    record.result.set(result);
    record.by_session_user.set(call([] { return compat::role_name_or_null(GetSessionUserId()); }));
    record.by_current_user.set(call([] { return compat::role_name_or_null(GetUserId()); }));
    record.by_session_id.set(core::SessionId(own_identity()).text);
    return record;
}

void AuditRecord::describe(const RosterEntry& session) {
    describe(session.facts.id);
    role.set(session.role_facts.name);
    database.set(session.database_name);
    application.set(session.application_name);
    client.set(client_of(session).c_str());
}

void AuditRecord::set_field(Field& field, const char* text, const core::Characters& characters) {
    if (text != nullptr)
        field.set(core::clean_reason(text, characters.controls).c_str(), characters);
    else
        field.set(nullptr);
}

void AuditRecord::log() const noexcept {
    callback([this] { line_of(*this).write(); });
}

static void complete(AuditRecord& record, int encoding) noexcept {
    record.at = GetCurrentTimestamp();
    record.mark.set(audit_mark_or_none());
    record.encoding = encoding;
}

void log_record(AuditRecord& record, int encoding) noexcept {
    complete(record, encoding);
    record.log();
}

void keep_record(AuditRecord& record, int encoding) noexcept {
    complete(record, encoding);
    AuditRing::append(record); // first: whoever reads the line finds the row
    record.log();
}

} // namespace sessionctl::pg
