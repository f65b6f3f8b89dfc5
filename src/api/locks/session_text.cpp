#include "api/locks/session_text.hpp"

#include "core/length_of_time.hpp"
#include "core/text.hpp"
#include "pg/encoding.hpp"
#include "pg/locks/lock_settings.hpp"

namespace sessionctl::api {

namespace {

constexpr std::size_t longest_query = 80; // bytes

/// Cut between two characters.
core::string shortened(const core::string& text) {
    if (text.size() <= longest_query)
        return text;
    core::string shorter(text, 0, core::clipped_length(text, longest_query, pg::own_characters()));
    shorter.append("...");
    return shorter;
}

} // namespace

core::string clean_line(const char* text) {
    return core::clean_reason(pg::readable(text), pg::server_encoding());
}

void append_number(core::string& line, const char* format, long number) {
    char text[64];
    std::snprintf(text, sizeof text, format, number);
    line.append(text);
}

void append_age(core::string& line, core::Timestamp age) {
    line.append(core::length_of_time(std::max<core::Timestamp>(age, 0)));
}

void append_user(core::string& line, const char* role, const char* database) {
    if (role != nullptr)
        line.append(" ").append(clean_line(role).c_str());
    if (database != nullptr)
        line.append(role != nullptr ? "@" : " @").append(clean_line(database).c_str());
}

void append_who(core::string& line, const pg::RosterEntry& entry) {
    if (entry.facts.kind != core::Kind::client && entry.backend_type != nullptr &&
        entry.role_facts.is_visible)
        line.append(" ").append(entry.backend_type);
    append_user(line, entry.role_facts.name, entry.database_name);
    if (entry.application_name[0] != '\0')
        line.append(" (").append(clean_line(entry.application_name)).append(")");
}

void append_state(core::string& line, const pg::RosterEntry& entry, core::Timestamp now) {
    const core::State state = entry.facts.state;
    const char* const name = core::state_name(state);
    if (!entry.role_facts.is_visible || name == nullptr)
        return;
    line.append(", ").append(name);
    const core::Timestamp since = core::is_active(state) ? entry.facts.query_start : entry.facts.state_change;
    if (since != 0) {
        line.append(" for ");
        append_age(line, now - since);
    }
}

void append_priority(core::string& line, const pg::RosterEntry& entry) {
    const std::optional<core::LockPriority> priority = pg::lock_priority_of(entry.facts);
    if (entry.role_facts.is_visible && priority && *priority != core::LockPriority::normal)
        line.append(", ").append(core::lock_priority_name(*priority)).append(" priority");
}

void append_patience(core::string& line, const pg::RosterEntry& entry, core::Timestamp waiting_since,
                     core::Timestamp now) {
    if (waiting_since == 0 || !entry.role_facts.is_visible)
        return;
    const core::Timestamp patience = pg::lock_settings_of(entry.facts).patience;
    if (patience <= 0)
        return;
    const core::Timestamp left = waiting_since + patience * core::microseconds_per_millisecond - now;
    line.append(left > 0 ? ", patient for another " : ", its patience ended ");
    append_age(line, left > 0 ? left : -left);
    if (left <= 0)
        line.append(" ago");
}

void append_yield(core::string& line, const pg::RosterEntry& entry) {
    const std::int32_t yield_after = pg::lock_settings_of(entry.facts).yield_after;
    if (entry.role_facts.is_visible && yield_after > 0)
        line.append(", yields after ").append(core::exact_time(yield_after).c_str());
}

void append_query(core::string& line, const pg::RosterEntry& entry) {
    if (!entry.role_facts.is_visible) {
        line.append(": <insufficient privilege>");
        return;
    }
    const core::string query = shortened(clean_line(entry.query));
    if (!query.empty())
        line.append(core::is_idle(entry.facts.state) ? "; last: " : ": ").append(query);
}

} // namespace sessionctl::api
