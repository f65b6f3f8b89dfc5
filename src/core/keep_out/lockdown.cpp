#include "core/keep_out/lockdown.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sessionctl::core {

namespace {

constexpr char hex_digits[] = "0123456789ABCDEF";

bool needs_no_escape(char c) noexcept {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
}

void add(string& text, const char* key, std::string_view value) {
    if (!text.empty())
        text.push_back(' ');
    text.append(key);
    text.push_back('=');
    for (const char c : value) {
        if (needs_no_escape(c)) {
            text.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        text.push_back('%');
        text.push_back(hex_digits[byte >> 4]);
        text.push_back(hex_digits[byte & 15]);
    }
}

void add(string& text, const char* key, std::int64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    add(text, key, {digits, static_cast<std::size_t>(end - digits)});
}

void add(string& text, const char* limit_key, const char* open_key, const LoginSettings& settings) {
    add(text, limit_key, settings.limit);
    add(text, open_key, std::string_view(settings.is_open ? "yes" : "no"));
}

/// Takes the parts of such a text off its front, in their order.
class Reader {
  public:
    explicit Reader(std::string_view text) noexcept : left_(text) {}

    bool at_end() const noexcept { return left_.empty(); }

    bool take(std::string_view key, string& value) {
        std::string_view raw;
        if (!take_raw(key, raw))
            return false;
        for (std::size_t i = 0; i < raw.size(); ++i) {
            if (needs_no_escape(raw[i])) {
                value.push_back(raw[i]);
                continue;
            }
            unsigned byte = 0;
            const char* const digits = raw.data() + i + 1;
            if (raw[i] != '%' || raw.size() - i < 3 ||
                std::from_chars(digits, digits + 2, byte, 16).ptr != digits + 2 || byte == 0)
                return false;
            value.push_back(static_cast<char>(byte));
            i += 2;
        }
        return true;
    }

    template <typename Number>
    bool take_number(std::string_view key, Number& number) noexcept {
        std::string_view raw;
        if (!take_raw(key, raw))
            return false;
        const auto [end, error] = std::from_chars(raw.data(), raw.data() + raw.size(), number);
        return error == std::errc() && end == raw.data() + raw.size();
    }

    bool take(std::string_view key, bool& value) noexcept {
        std::string_view raw;
        if (!take_raw(key, raw) || (raw != "yes" && raw != "no"))
            return false;
        value = raw == "yes";
        return true;
    }

    bool take(std::string_view limit_key, std::string_view open_key, LoginSettings& settings) noexcept {
        return take_number(limit_key, settings.limit) && settings.limit >= LoginSettings::unlimited &&
               take(open_key, settings.is_open);
    }

  private:
    bool take_raw(std::string_view key, std::string_view& value) noexcept {
        if (left_.substr(0, key.size()) != key || left_.substr(key.size(), 1) != "=")
            return false;
        left_.remove_prefix(key.size() + 1);
        const std::size_t end = std::min(left_.find(' '), left_.size());
        value = left_.substr(0, end);
        left_.remove_prefix(std::min(end + 1, left_.size()));
        return true;
    }

    std::string_view left_;
};

} // namespace

string written(const Lockdown& lockdown) {
    string text;
    add(text, "limit", "open", lockdown.before);
    add(text, "locked_limit", "locked_open", lockdown.during);
    add(text, "since", lockdown.since);
    add(text, "by", std::string_view(lockdown.by.data(), lockdown.by.size()));
    add(text, "reason", std::string_view(lockdown.reason.data(), lockdown.reason.size()));
    add(text, "pool", std::string_view(lockdown.pool.data(), lockdown.pool.size()));
    add(text, "pool_database",
        std::string_view(lockdown.pool_database.data(), lockdown.pool_database.size()));
    return text;
}

std::optional<Lockdown> read_lockdown(std::string_view text) {
    Reader reader(text);
    Lockdown lockdown;
    if (reader.take("limit", "open", lockdown.before) &&
        reader.take("locked_limit", "locked_open", lockdown.during) &&
        reader.take_number("since", lockdown.since) && is_time(lockdown.since) &&
        reader.take("by", lockdown.by) && reader.take("reason", lockdown.reason) &&
        reader.take("pool", lockdown.pool) && reader.take("pool_database", lockdown.pool_database) &&
        reader.at_end())
        return lockdown;
    return {};
}

Lockdown renewed(const std::optional<Lockdown>& earlier, Lockdown now) {
    if (!earlier)
        return now;
    // `now.before` has the present settings.
    if (now.before.limit == earlier->during.limit)
        now.before.limit = earlier->before.limit;
    if (now.before.is_open == earlier->during.is_open)
        now.before.is_open = earlier->before.is_open;
    if (now.pool.empty()) {
        now.pool = earlier->pool;
        now.pool_database = earlier->pool_database;
    }
    return now;
}

Restoration restoration(const Lockdown& lockdown, const LoginSettings& current) noexcept {
    Restoration result = {lockdown.before, current.limit != lockdown.during.limit,
                          current.is_open != lockdown.during.is_open};
    if (result.limit_was_changed)
        result.settings.limit = current.limit;
    if (result.permission_was_changed)
        result.settings.is_open = current.is_open;
    return result;
}

} // namespace sessionctl::core
