#include "pg/audit_record.hpp"

#include "pg/audit_ring.hpp"
#include "pg/client_address.hpp"
#include "pg/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

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

void add(core::string& line, const char* key, const char* value) {
    line.append(" ");
    line.append(key);
    line.append("=");
    line.append(value != nullptr ? value : "NULL");
}

void add_quoted(core::string& line, const char* key, const char* value) {
    add(line, key, value != nullptr ? core::quoted(value, server_encoding()).c_str() : nullptr);
}

core::string line_of(const AuditRecord& record) {
    char pid[16];
    std::snprintf(pid, sizeof pid, "%d", record.pid);
    core::string line("pg_sessionctl:");
    add(line, "action", record.action.get());
    add_quoted(line, "result", record.result.get());
    add(line, "session_id", record.session_id.get());
    add(line, "pid", pid);
    add_quoted(line, "role", record.role.get());
    add_quoted(line, "database", record.database.get());
    add_quoted(line, "application", record.application.get());
    add(line, "client", record.client.get());
    add_quoted(line, "by_session_user", record.by_session_user.get());
    add_quoted(line, "by_current_user", record.by_current_user.get());
    add(line, "by_session_id", record.by_session_id.get());
    if (record.rule.is_present)
        add_quoted(line, "rule", record.rule.get());
    if (record.condition.is_present)
        add_quoted(line, "condition", record.condition.get());
    if (record.args.is_present)
        add_quoted(line, "args", record.args.get());
    add_quoted(line, "reason", record.reason.get());
    return line;
}

} // namespace

core::Encoding server_encoding() noexcept {
    return GetDatabaseEncoding() == PG_UTF8 ? core::Encoding::utf8 : core::Encoding::other;
}

void AuditRecord::describe(const RosterEntry& session) {
    pid = session.facts.id.pid;
    session_id.set(core::SessionId(session.facts.id).text);
    role.set(session.role_facts.name);
    database.set(session.database_name);
    application.set(session.application_name);
    client.set(client_of(session).c_str());
}

void AuditRecord::set_field(Field& field, const char* text) {
    if (text != nullptr)
        field.set(core::clean_reason(text, server_encoding()).c_str());
    else
        field.set(nullptr);
}

void AuditRecord::log() const noexcept {
    callback([this] {
        const core::string line = line_of(*this);
        const char* const text = line.c_str();
        call([text] {
            // One session, one line: neither the statement nor the context of the call belongs to it.
            error_context_stack = nullptr;
            ereport(compat::log_server_only, (errmsg_internal("%s", text), errhidestmt(true)));
        });
    });
}

void keep_record(AuditRecord& record) noexcept {
    record.at = GetCurrentTimestamp();
    record.log();
    AuditRing::append(record);
}

} // namespace sessionctl::pg
