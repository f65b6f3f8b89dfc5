#include "core/keep_out/gate.hpp"

#include "core/error.hpp"
#include "core/settings_file.hpp"
#include "core/utc.hpp"

#include <algorithm>
#include <cstdio>

namespace sessionctl::core {

namespace {

constexpr char first_line_of_gate[] = "pg_sessionctl gate 1";

constexpr char explanation_of_gate[] =
    "# The server is locked down. sessionctl.unlock_server() opens it. Without a login: start the server\n"
    "# with -c pg_sessionctl.gate=off (or set that in the configuration and reload), or remove this file\n"
    "# and restart the server.\n";

bool read_role(std::string_view value, GateState& state) noexcept {
    return state.role_count < GateState::most_roles && read_oid(value, state.allow_roles[state.role_count++]);
}

bool read_gate_setting(const Setting& setting, GateState& state) noexcept {
    const auto [key, value] = setting;
    if (key == "since")
        return read_utc(value, state.since);
    if (key == "until")
        return read_utc(value, state.until) && state.until != 0;
    if (key == "by")
        return read_quoted(value, state.by);
    if (key == "reason")
        return read_quoted(value, state.reason);
    if (key == "hold")
        return read_milliseconds(value, longest_timeout_ms, state.hold);
    if (key == "allow_role")
        return read_role(value, state);
    if (key == "include_superusers" && value.empty())
        return state.include_superusers = true;
    if (key == "include_replication" && value.empty())
        return state.include_replication = true;
    return false;
}

} // namespace

bool GateState::allows_role(std::uint32_t role) const noexcept {
    const auto* const end = allow_roles + role_count;
    return std::find(allow_roles, end, role) != end;
}

bool admits(const GateState& state, const Login& login) noexcept {
    if (login.kind == Kind::walsender && !state.include_replication)
        return true;
    return login.is_allowed || (login.is_superuser && !state.include_superusers);
}

Admission admission_of(const GateState& state, const Login& login, Timestamp now,
                       std::int64_t waited) noexcept {
    if (!state.is_closed_at(now) || admits(state, login))
        return Admission::admit;
    return waited < state.hold && !is_walsender(login.kind) ? Admission::hold : Admission::refuse;
}

int max_held_logins(int max_connections, int reserved) noexcept {
    return std::max((max_connections - reserved) / 4, 1);
}

std::int64_t longest_hold(int authentication_timeout) noexcept {
    const std::int64_t all = authentication_timeout * std::int64_t{1000};
    return std::max(all - 10 * 1000, all / 2);
}

std::int32_t checked_login_wait(const char* name, const Interval& wait, int authentication_timeout) {
    const std::int64_t longest = longest_hold(authentication_timeout);
    const std::int64_t wanted = milliseconds_of(wait);
    if (wanted >= 0 && wanted <= longest && !wait.infinite)
        return static_cast<std::int32_t>(wanted);
    throw Error(sqlstate::invalid_parameter_value, "%s must not be %s", name,
                wanted < 0 ? "negative" : "longer than authentication_timeout allows")
        .detail("authentication_timeout (%d s) would end a login that waits longer without an error message.",
                authentication_timeout)
        .hint("Valid values are '0' (refuse at once) to '%lld ms'.", static_cast<long long>(longest));
}

std::int32_t checked_hold(const Interval& hold, int authentication_timeout) {
    return checked_login_wait("hold", hold, authentication_timeout);
}

GateFile gate_file_of(const GateState& state) noexcept {
    GateFile file = {};
    SettingsWriter writer(file.text, sizeof file.text);
    writer.add("%s\n%s", first_line_of_gate, explanation_of_gate);
    writer.add_time("since", state.since);
    if (state.by[0] != '\0')
        writer.add_quoted("by", state.by);
    if (state.reason[0] != '\0')
        writer.add_quoted("reason", state.reason);
    writer.add_time("until", state.until);
    if (state.hold > 0)
        writer.add("hold %d ms\n", state.hold);
    for (int i = 0; i < state.role_count; ++i)
        writer.add("allow_role %u\n", state.allow_roles[i]);
    if (state.include_superusers)
        writer.add("include_superusers\n");
    if (state.include_replication)
        writer.add("include_replication\n");
    writer.add("%s\n", last_line_of_settings.data());
    file.length = writer.length();
    return file;
}

bool read_gate_file(std::string_view text, GateState& state) noexcept {
    GateState found = {};
    found.is_closed = true;
    const auto read = [&found](const Setting& setting) { return read_gate_setting(setting, found); };
    if (!read_settings(text, first_line_of_gate, read))
        return false;
    state = found;
    return true;
}

GateState closed_for_safety(Timestamp now, const char* reason) noexcept {
    GateState state = {};
    state.is_closed = true;
    state.since = now;
    std::snprintf(state.reason, sizeof state.reason, "%s", reason);
    return state;
}

} // namespace sessionctl::core
