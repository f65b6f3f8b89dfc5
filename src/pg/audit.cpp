#include "pg/audit.hpp"

#include "core/text.hpp"
#include "pg/client_address.hpp"
#include "pg/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"
}

namespace sessionctl::pg {

namespace {

core::Encoding server_encoding() noexcept {
    return GetDatabaseEncoding() == PG_UTF8 ? core::Encoding::utf8 : core::Encoding::other;
}

core::string quoted(std::string_view text) {
    return core::quoted(text, server_encoding());
}

core::string quoted_or_null(const char* text) {
    return text != nullptr ? quoted(text) : core::string("NULL");
}

core::string role_name(Oid role) {
    const char* const name = call([role] { return compat::role_name_or_null(role); });
    return quoted_or_null(name);
}

core::string client_of(const RosterEntry& entry) {
    const ClientAddress client(entry.client);
    if (!client.is_network())
        return client.is_local() ? "local" : "unknown";
    const bool is_ipv6 = std::strchr(client.host, ':') != nullptr;
    char text[NI_MAXHOST + 16];
    std::snprintf(text, sizeof text, is_ipv6 ? "[%s]:%d" : "%s:%d", client.host, client.port);
    return text;
}

void add(core::string& line, const char* key, std::string_view value) {
    line.append(" ");
    line.append(key);
    line.append("=");
    line.append(value.data(), value.size());
}

std::string_view view(const core::string& text) {
    return {text.data(), text.size()};
}

/// What a caller wrote, as one field: one line, at most this many bytes, never half a character.
constexpr int longest_field = 500;

core::string fit(const char* text) {
    if (text == nullptr)
        return "NULL";
    core::string field = core::clean_reason(text, server_encoding());
    field.resize(
        call([&field] { return pg_mbcliplen(field.data(), static_cast<int>(field.size()), longest_field); }));
    return quoted(view(field));
}

/// The values of $1, $2 ... as text, with commas between them.
core::string list_of(const Condition& condition) {
    core::string list;
    for (int i = 0; i < condition.arguments; ++i) {
        const char* const value = call([&condition, i]() -> const char* {
            if (condition.nulls[i] == 'n')
                return "NULL";
            Oid output;
            bool is_varlena;
            getTypeOutputInfo(condition.types[i], &output, &is_varlena);
            return OidOutputFunctionCall(output, condition.values[i]);
        });
        list.append(i > 0 ? "," : "");
        list.append(value);
    }
    return list;
}

bool was_acted_on(const core::Target& target) noexcept {
    return target.signalled_at != 0 && target.outcome != core::Outcome::already_gone;
}

} // namespace

Audit::Audit(core::Action action, const core::Plan& plan, const Roster& roster, const Condition& condition,
             const char* reason)
    : action_(action), plan_(plan), roster_(roster) {
    const RosterEntry* const self = roster.find(MyProcPid);
    add(asked_by_, "by_session_user", view(role_name(GetSessionUserId())));
    add(asked_by_, "by_current_user", view(role_name(GetUserId())));
    add(asked_by_, "by_session_id", self != nullptr ? core::SessionId(self->facts.id).text : "NULL");
    add(why_, "condition", view(fit(condition.text)));
    if (condition.arguments > 0)
        add(why_, "args", view(fit(list_of(condition).c_str())));
    add(why_, "reason", view(fit(reason)));
}

void Audit::write() noexcept {
    if (std::exchange(written_, true))
        return;
    // A cancel that is pending must not break off the audit: ereport() would act on it after the first line.
    HOLD_INTERRUPTS();
    callback([this] {
        for (const core::Target& target : plan_)
            if (was_acted_on(target))
                write_line(target);
    });
    RESUME_INTERRUPTS();
}

void Audit::write_line(const core::Target& target) const {
    const RosterEntry& session = *roster_.find(target.session.id.pid);
    char pid[16];
    std::snprintf(pid, sizeof pid, "%d", session.facts.id.pid);
    core::string line("pg_sessionctl:");
    add(line, "action", action_ == core::Action::cancel ? "cancel" : "terminate");
    add(line, "result", view(quoted(core::outcome_name(target.outcome))));
    add(line, "session_id", core::SessionId(session.facts.id).text);
    add(line, "pid", pid);
    add(line, "role", view(quoted_or_null(session.role_facts.name)));
    add(line, "database", view(quoted_or_null(session.database_name)));
    add(line, "application", view(quoted(session.application_name)));
    add(line, "client", view(client_of(session)));
    line.append(asked_by_);
    line.append(why_);
    const char* const text = line.c_str();
    call([text] {
        // One session, one line: neither the statement nor the context of the call belongs to it.
        error_context_stack = nullptr;
        ereport(compat::log_server_only, (errmsg_internal("%s", text), errhidestmt(true)));
    });
}

} // namespace sessionctl::pg
