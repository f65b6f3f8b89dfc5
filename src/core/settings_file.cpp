#include "core/settings_file.hpp"

#include "core/utc.hpp"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace sessionctl::core {

namespace {

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

} // namespace

void SettingsWriter::add(const char* format, ...) noexcept {
    va_list arguments;
    va_start(arguments, format);
    const std::size_t room = size_ - length_;
    const int length = std::vsnprintf(text_ + length_, room, format, arguments);
    va_end(arguments);
    length_ += std::min<std::size_t>(length > 0 ? static_cast<std::size_t>(length) : 0, room - 1);
}

void SettingsWriter::add_quoted(const char* key, const char* value) noexcept {
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

void SettingsWriter::add_time(const char* key, Timestamp time) noexcept {
    if (time != 0)
        add("%s %s\n", key, utc_text(time).text);
}

std::string_view take_line(std::string_view& text) noexcept {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

Setting::Setting(std::string_view line) noexcept {
    const std::size_t space = std::min(line.find(' '), line.size());
    key = line.substr(0, space);
    value = line.substr(std::min(space + 1, line.size()));
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

bool read_oid(std::string_view text, std::uint32_t& oid) noexcept {
    std::int64_t number = 0;
    if (!read_number(text, UINT32_MAX, number) || number == 0)
        return false;
    oid = static_cast<std::uint32_t>(number);
    return true;
}

bool read_milliseconds(std::string_view text, std::int64_t largest, std::int32_t& milliseconds) noexcept {
    constexpr std::string_view unit = " ms";
    std::int64_t number = 0;
    if (text.size() < unit.size() || text.substr(text.size() - unit.size()) != unit ||
        !read_number(text.substr(0, text.size() - unit.size()), std::min<std::int64_t>(largest, INT32_MAX),
                     number))
        return false;
    milliseconds = static_cast<std::int32_t>(number);
    return true;
}

bool read_quoted(std::string_view text, char* target, std::size_t size) noexcept {
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

} // namespace sessionctl::core
