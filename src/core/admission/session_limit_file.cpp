#include "core/admission/session_limit_file.hpp"

#include "core/settings_file.hpp"
#include "core/utc.hpp"

#include <cstring>

namespace sessionctl::core {

namespace {

constexpr char first_line_of_limits[] = "pg_sessionctl limits 1";

constexpr char explanation_of_limits[] = "# The session limits of this server. sessionctl.limit_sessions() "
                                         "and unlimit_sessions() change them; roles\n"
                                         "# and databases are OIDs. To remove all of them without a login, "
                                         "stop the server, remove this file, and\n"
                                         "# start it.\n";

void write_limit_key(SettingsWriter& writer, const LimitKey& key) noexcept {
    if (key.role != 0)
        writer.add("role %u\n", key.role);
    if (key.database != 0)
        writer.add("database %u\n", key.database);
    if (key.has_application)
        writer.add_quoted("application", key.application);
    if (!key.client.is_any())
        writer.add("client %s\n", network_text(key.client).text);
    if (const char* const per = limit_per_name(key.per))
        writer.add("per %s\n", per);
}

void write_limit(SettingsWriter& writer, const SessionLimit& limit) noexcept {
    writer.add("limit %d\n", limit.sessions);
    write_limit_key(writer, limit.key);
    writer.add("when_full %s\n", when_full_name(limit.when_full));
    if (limit.when_full == WhenFull::wait)
        writer.add("wait %d ms\n", limit.wait);
    if (limit.when_full == WhenFull::evict)
        writer.add("evict_idle_for %d ms\n", limit.evict_idle_for);
    if (limit.login_rate.is_bound())
        writer.add("login_rate %s\n", login_rate_text(limit.login_rate).text);
}

void write_limit_account(SettingsWriter& writer, const LimitAccount& account) noexcept {
    if (account.set_by != 0)
        writer.add("set_by %u\n", account.set_by);
    writer.add_time("since", account.since);
    if (account.by[0] != '\0')
        writer.add_quoted("by", account.by);
    if (account.reason[0] != '\0')
        writer.add_quoted("reason", account.reason);
}

bool read_limit_application(std::string_view value, LimitKey& key) noexcept {
    return key.has_application = read_quoted(value, key.application);
}

bool read_limit_per(std::string_view value, LimitPer& per) noexcept {
    for (const LimitPer each : {LimitPer::role, LimitPer::database, LimitPer::application, LimitPer::client})
        if (value == limit_per_name(each)) {
            per = each;
            return true;
        }
    return false;
}

bool read_when_full(std::string_view value, WhenFull& when_full) noexcept {
    for (const WhenFull each : {WhenFull::refuse, WhenFull::wait, WhenFull::evict})
        if (value == when_full_name(each)) {
            when_full = each;
            return true;
        }
    return false;
}

/// The lines of one limit after another.
class LimitReader {
  public:
    explicit LimitReader(SessionLimitTable& table) noexcept : table_(table) {}

    bool read(const Setting& setting) noexcept {
        const auto [key, value] = setting;
        if (key == "limit")
            return finish() && begin(value);
        return is_begun_ && (read_key(key, value) || read_rest(key, value) || read_account(key, value));
    }

    /// Adds the limit whose lines have been read. False where it is there already, or one too many.
    bool finish() noexcept {
        if (!is_begun_)
            return true;
        is_begun_ = false;
        if (count_ == SessionLimits::capacity || table_.find(limit_.key) >= 0)
            return false;
        table_.set(count_++, limit_, account_);
        return true;
    }

  private:
    bool begin(std::string_view value) noexcept {
        limit_ = {};
        account_ = {};
        limit_.evict_idle_for = default_evict_idle_for;
        std::int64_t sessions = 0;
        is_begun_ = read_number(value, INT32_MAX, sessions);
        limit_.sessions = static_cast<std::int32_t>(sessions);
        return is_begun_;
    }

    bool read_key(std::string_view key, std::string_view value) noexcept {
        LimitKey& whom = limit_.key;
        return (key == "role" && read_oid(value, whom.role)) ||
               (key == "database" && read_oid(value, whom.database)) ||
               (key == "application" && read_limit_application(value, whom)) ||
               (key == "client" && read_network(value, whom.client)) ||
               (key == "per" && read_limit_per(value, whom.per));
    }

    bool read_rest(std::string_view key, std::string_view value) noexcept {
        return (key == "when_full" && read_when_full(value, limit_.when_full)) ||
               (key == "wait" && read_milliseconds(value, longest_timeout_ms, limit_.wait)) ||
               (key == "evict_idle_for" && read_milliseconds(value, day_ms, limit_.evict_idle_for)) ||
               (key == "login_rate" && read_login_rate(value, limit_.login_rate));
    }

    bool read_account(std::string_view key, std::string_view value) noexcept {
        return (key == "set_by" && read_oid(value, account_.set_by)) ||
               (key == "since" && read_utc(value, account_.since)) ||
               (key == "by" && read_quoted(value, account_.by)) ||
               (key == "reason" && read_quoted(value, account_.reason));
    }

    SessionLimitTable& table_;
    SessionLimit limit_ = {};
    LimitAccount account_ = {};
    int count_ = 0;
    bool is_begun_ = false;
};

void remove_all(SessionLimitTable& table) noexcept {
    table.list.numbers = {};
    ++table.list.version;
}

} // namespace

std::size_t write_limit_file(const SessionLimitTable& table, char* text, std::size_t size) noexcept {
    SettingsWriter writer(text, size);
    writer.add("%s\n%s", first_line_of_limits, explanation_of_limits);
    table.list.numbers.for_each([&](int number) {
        writer.add("\n");
        write_limit(writer, table.list[number]);
        write_limit_account(writer, table.accounts[number]);
    });
    writer.add("%s\n", last_line_of_settings.data());
    return writer.length();
}

bool read_limit_file(std::string_view text, SessionLimitTable& table) noexcept {
    remove_all(table);
    LimitReader reader(table);
    const auto read = [&reader](const Setting& setting) { return reader.read(setting); };
    if (read_settings(text, first_line_of_limits, read) && reader.finish())
        return true;
    remove_all(table);
    return false;
}

} // namespace sessionctl::core
