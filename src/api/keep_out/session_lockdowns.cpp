// For the view session_lockdowns.

#include "api/keep_out/lockdown.hpp"
#include "api/rows.hpp"
#include "api/serve.hpp"
#include "pg/audit/log_line.hpp"
#include "pg/clients/client_address.hpp"
#include "pg/encoding.hpp"
#include "pg/hba/hba.hpp"
#include "pg/keep_out/cooldown.hpp"
#include "pg/keep_out/gate.hpp"
#include "pg/memory.hpp"
#include "pg/settings.hpp"

using namespace sessionctl;
using pg::Lockable;

namespace {

core::string limit_text(std::int32_t limit) {
    char text[48];
    if (limit == core::LoginSettings::unlimited)
        return "no connection limit";
    std::snprintf(text, sizeof text, "connection limit %d", limit);
    return text;
}

const char* openness_text(Lockable kind, bool is_open) noexcept {
    if (kind == Lockable::role)
        return is_open ? "login" : "nologin";
    return is_open ? "connections allowed" : "no connections allowed";
}

/// What is different from `other`.
core::string difference(Lockable kind, const core::LoginSettings& settings,
                        const core::LoginSettings& other) {
    core::string text;
    if (settings.limit != other.limit)
        text = limit_text(settings.limit);
    if (settings.is_open != other.is_open) {
        if (!text.empty())
            text.append(", ");
        text.append(openness_text(kind, settings.is_open));
    }
    return text;
}

/// The settings by which logins are refused.
core::string method_of(Lockable kind, const core::LoginSettings& settings) {
    if (kind == Lockable::role || !settings.is_open)
        return openness_text(kind, settings.is_open);
    return limit_text(settings.limit);
}

void put(const pg::StoredLockdown& known, api::Rows& rows) {
    const std::optional<core::LoginSettings> settings = api::find_login_settings(known.kind, known.oid);
    if (!settings) // dropped concurrently
        return;
    const core::LoginSettings current = *settings;
    const core::Lockdown memory = known.lockdown.value_or(core::Lockdown{});
    const core::string means = method_of(known.kind, current);
    const core::string by = pg::shown_utf8(memory.by);
    const core::string reason = pg::shown_utf8(memory.reason);
    const core::string before = known.lockdown ? difference(known.kind, memory.before, memory.during) : "";
    const core::string changed = known.lockdown ? difference(known.kind, current, memory.during) : "";
    const auto text = [](const core::string& value) { return value.empty() ? nullptr : value.c_str(); };
    pg::call([&] {
        api::Row<11> row;
        row.add_text(known.kind == Lockable::database ? "database" : "role");
        row.add(ObjectIdGetDatum(known.oid));
        row.add_text(known.name);
        row.add_text(means.c_str());
        row.add_if(memory.since != 0, [&] { return TimestampTzGetDatum(memory.since); });
        row.add_text(text(by));
        row.add_text(text(reason));
        row.add_null(); // until
        row.add_null(); // connected
        row.add_text(known.lockdown ? text(before) : "not readable: use ALTER");
        row.add_text(text(changed));
        row.put_into(rows);
    });
}

struct ServerLockdown {
    const char* means;
    core::Timestamp since; // 0: not known
    const char* by;        // UTF-8, as the reason is
    const char* reason;
    core::Timestamp until; // 0: by unlock alone
    const char* restores_to;
};

void put(const ServerLockdown& lockdown, api::Rows& rows) {
    const core::string by = pg::shown_utf8(lockdown.by);
    const core::string reason = pg::shown_utf8(lockdown.reason);
    const auto text = [](const char* value) { return *value != '\0' ? value : nullptr; };
    pg::call([&] {
        api::Row<11> row;
        row.add_text("server");
        row.add_null(); // id
        row.add_null(); // name
        row.add_text(lockdown.means);
        row.add_if(lockdown.since != 0, [&] { return TimestampTzGetDatum(lockdown.since); });
        row.add_text(text(by.c_str()));
        row.add_text(text(reason.c_str()));
        row.add_if(lockdown.until != 0, [&] { return TimestampTzGetDatum(lockdown.until); });
        row.add_null(); // connected
        row.add_text(text(lockdown.restores_to));
        row.add_null(); // changed
        row.put_into(rows);
    });
}

void put_server(api::Rows& rows) {
    const pg::GateState gate = pg::gate_state();
    if (gate.is_closed)
        put({pg::gate_setting() ? "gate" : "gate: closed, but pg_sessionctl.gate is off", gate.since, gate.by,
             gate.reason, gate.until, ""},
            rows);
    if (const std::optional<pg::HbaLockdown> hba = pg::hba_lockdown())
        put({"hba", hba->since, hba->by.c_str(), hba->reason.c_str(), 0, hba->damage.c_str()}, rows);
}

/// application "web", client 10.0.0.5
core::string method_of(const core::Origin& origin) {
    core::string text("application ");
    text.append(core::quoted(origin.application, pg::server_encoding()));
    text.append(", client ");
    text.append(pg::host_text(origin.host));
    return text;
}

void put(const core::Cooldown& cooldown, api::Rows& rows) {
    const core::string means = method_of(cooldown.login.origin);
    const std::int64_t connected = pg::connected_of(cooldown.login);
    const core::string by = pg::shown_utf8(cooldown.by);
    const core::string reason = pg::shown_utf8(cooldown.reason);
    const core::Timestamp clock = GetCurrentTimestamp() - pg::monotonic_now();
    const auto text = [](const char* value) { return *value != '\0' ? value : nullptr; };
    pg::call([&] {
        api::Row<11> row;
        row.add_text("cooldown");
        row.add(ObjectIdGetDatum(cooldown.login.role));
        row.add_text(compat::role_name_or_null(cooldown.login.role));
        row.add_text(means.c_str());
        row.add(TimestampTzGetDatum(clock + cooldown.since));
        row.add_text(text(by.c_str()));
        row.add_text(text(reason.c_str()));
        row.add(TimestampTzGetDatum(clock + cooldown.until));
        row.add(Int64GetDatum(connected));
        row.add_null(); // restores_to
        row.add_null(); // changed
        row.put_into(rows);
    });
}

} // namespace

SQL_FUNCTION(sessionctl_session_lockdowns)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const core::vector<pg::StoredLockdown> known = pg::stored_lockdowns();
        // Its memory is kept beyond the scratch memory.
        api::Rows rows = pg::call([&] { return api::Rows(fcinfo); });
        for (const pg::StoredLockdown& each : known)
            put(each, rows);
        put_server(rows);
        for (const core::Cooldown& each : pg::running_cooldowns())
            put(each, rows);
        return 0;
    });
}
