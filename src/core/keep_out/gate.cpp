#include "core/keep_out/gate.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "core/utc.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace sessionctl::core {

namespace {

constexpr char first_line[] = "pg_sessionctl gate 1";
constexpr char last_line[] = "end";

constexpr char explanation[] =
    "# The server is locked down. sessionctl.unlock_server() opens it. Without a login: start the server\n"
    "# with -c pg_sessionctl.gate=off (or set that in the configuration and reload), or remove this file\n"
    "# and restart the server.\n";

class Writer {
  public:
    explicit Writer(GateFile& file) noexcept : file_(file) {}

    [[gnu::format(printf, 2, 3)]] void add(const char* format, ...) noexcept {
        va_list arguments;
        va_start(arguments, format);
        const std::size_t room = GateFile::largest - file_.length;
        const int length = std::vsnprintf(file_.text + file_.length, room, format, arguments);
        va_end(arguments);
        file_.length += std::min<std::size_t>(length > 0 ? static_cast<std::size_t>(length) : 0, room - 1);
    }

    void add_quoted(const char* key, const char* value) noexcept {
        if (value[0] == '\0')
            return;
        add("%s \"", key);
        for (; *value != '\0'; ++value) {
            const auto byte = static_cast<unsigned char>(*value);
            if (byte == '"' || byte == '\\')
                add("\\%c", byte);
            else if (byte < 0x20 || byte == 0x7F)
                add("\\x%02x", byte);
            else
                add("%c", byte);
        }
        add("\"\n");
    }

    void add_time(const char* key, Timestamp time) noexcept {
        if (time == 0)
            return;
        add("%s %s\n", key, utc_text(time).text);
    }

  private:
    GateFile& file_;
};

/// Cuts a line off the front; the line has no newline.
std::string_view take_line(std::string_view& text) noexcept {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

bool read_number(std::string_view text, std::int64_t largest, std::int64_t& number) noexcept {
    if (text.empty() || text.size() > 18)
        return false;
    number = 0;
    for (const char c : text) {
        if (c < '0' || c > '9')
            return false;
        number = number * 10 + (c - '0');
    }
    return number <= largest;
}

bool read_escape(std::string_view& text, char& c) noexcept {
    const auto digit = [](char d) { return d <= '9' ? d - '0' : d - 'a' + 10; };
    const auto is_digit = [](char d) { return (d >= '0' && d <= '9') || (d >= 'a' && d <= 'f'); };
    if (text.empty())
        return false;
    c = text.front();
    text.remove_prefix(1);
    if (c == '"' || c == '\\')
        return true;
    if (c != 'x' || text.size() < 2 || !is_digit(text[0]) || !is_digit(text[1]))
        return false;
    c = static_cast<char>(digit(text[0]) * 16 + digit(text[1]));
    text.remove_prefix(2);
    return c != '\0';
}

template <std::size_t size>
bool read_quoted(std::string_view text, char (&target)[size]) noexcept {
    if (text.size() < 2 || text.front() != '"' || text.back() != '"')
        return false;
    text.remove_prefix(1);
    text.remove_suffix(1);
    std::size_t length = 0;
    while (!text.empty()) {
        char c = text.front();
        text.remove_prefix(1);
        if (c == '"' || (c == '\\' && !read_escape(text, c)) || length == size - 1)
            return false;
        target[length++] = c;
    }
    target[length] = '\0';
    return true;
}

bool read_role(std::string_view value, GateState& state) noexcept {
    std::int64_t role = 0;
    if (state.role_count == GateState::most_roles || !read_number(value, UINT32_MAX, role) || role == 0)
        return false;
    state.allow_roles[state.role_count++] = static_cast<std::uint32_t>(role);
    return true;
}

bool read_hold(std::string_view value, GateState& state) noexcept {
    constexpr std::string_view unit = " ms";
    std::int64_t hold = 0;
    if (value.size() < unit.size() || value.substr(value.size() - unit.size()) != unit ||
        !read_number(value.substr(0, value.size() - unit.size()), longest_timeout_ms, hold))
        return false;
    state.hold = static_cast<std::int32_t>(hold);
    return true;
}

bool read_line(std::string_view line, GateState& state) noexcept {
    const std::size_t space = std::min(line.find(' '), line.size());
    const std::string_view key = line.substr(0, space);
    const std::string_view value = line.substr(std::min(space + 1, line.size()));
    if (key == "since")
        return read_utc(value, state.since);
    if (key == "until")
        return read_utc(value, state.until) && state.until != 0;
    if (key == "by")
        return read_quoted(value, state.by);
    if (key == "reason")
        return read_quoted(value, state.reason);
    if (key == "hold")
        return read_hold(value, state);
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

std::int32_t checked_hold(const Interval& hold, int authentication_timeout) {
    const std::int64_t longest = longest_hold(authentication_timeout);
    const std::int64_t wanted = milliseconds_of(hold);
    if (wanted >= 0 && wanted <= longest && !hold.infinite)
        return static_cast<std::int32_t>(wanted);
    throw Error(sqlstate::invalid_parameter_value, "hold must not be %s",
                wanted < 0 ? "negative" : "longer than authentication_timeout allows")
        .detail("authentication_timeout (%d s) would end a login that waits longer without an error message.",
                authentication_timeout)
        .hint("Valid values are '0' (refuse at once) to '%lld ms'.", static_cast<long long>(longest));
}

GateFile gate_file_of(const GateState& state) noexcept {
    GateFile file = {};
    Writer writer(file);
    writer.add("%s\n%s", first_line, explanation);
    writer.add_time("since", state.since);
    writer.add_quoted("by", state.by);
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
    writer.add("%s\n", last_line);
    return file;
}

bool read_gate_file(std::string_view text, GateState& state) noexcept {
    GateState found = {};
    found.is_closed = true;
    if (text.find('\0') != std::string_view::npos || take_line(text) != first_line)
        return false;
    while (!text.empty()) {
        const bool is_ended = text.find('\n') != std::string_view::npos;
        const std::string_view line = take_line(text);
        if (line == last_line) {
            if (!is_ended || !text.empty())
                return false;
            state = found;
            return true;
        }
        if (!line.empty() && line.front() != '#' && !read_line(line, found))
            return false;
    }
    return false;
}

GateState closed_for_safety(Timestamp now, const char* reason) noexcept {
    GateState state = {};
    state.is_closed = true;
    state.since = now;
    std::snprintf(state.reason, sizeof state.reason, "%s", reason);
    return state;
}

} // namespace sessionctl::core
