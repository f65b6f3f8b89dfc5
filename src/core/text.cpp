#include "core/text.hpp"

#include <cstdio>

namespace sessionctl::core {

namespace {

bool continues(unsigned char byte) noexcept {
    return (byte & 0xC0) == 0x80;
}

bool separates(std::string_view control) noexcept {
    return control == "\u2028" || control == "\u2029" || (control[0] >= '\t' && control[0] <= '\r');
}

bool is_space(char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

void skip_spaces(std::string_view& text) noexcept {
    while (!text.empty() && is_space(text.front()))
        text.remove_prefix(1);
}

/// Reads a name in double quotes off the front of `text`; false where the closing quote is missing.
bool take_quoted(std::string_view& text, string& name) {
    text.remove_prefix(1);
    while (!text.empty()) {
        const char c = text.front();
        text.remove_prefix(1);
        if (c != '"') {
            name.push_back(c);
        } else if (!text.empty() && text.front() == '"') {
            name.push_back('"');
            text.remove_prefix(1);
        } else {
            return true;
        }
    }
    return false;
}

void take_bare(std::string_view& text, string& name) {
    while (!text.empty() && text.front() != ',' && text.front() != '"') {
        name.push_back(text.front());
        text.remove_prefix(1);
    }
    while (!name.empty() && is_space(name.back()))
        name.pop_back();
}

} // namespace

std::size_t clipped_length(std::string_view text, std::size_t limit) noexcept {
    if (text.size() <= limit)
        return text.size();
    while (limit > 0 && continues(static_cast<unsigned char>(text[limit])))
        --limit;
    return limit;
}

std::size_t control_length(std::string_view text, Encoding encoding) noexcept {
    const auto at = [text](std::size_t i) {
        return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
    };
    if (at(0) < 0x20 || at(0) == 0x7F)
        return 1;
    if (encoding != Encoding::utf8)
        return 0;
    if (at(0) == 0xC2 && at(1) >= 0x80 && at(1) <= 0x9F) // C1: U+0080 to U+009F
        return 2;
    if (at(0) == 0xD8 && at(1) == 0x9C) // U+061C
        return 2;
    const int last = at(2);
    const bool is_format =
        (at(0) == 0xE2 && at(1) == 0x80 &&
         (last == 0x8B || last == 0x8E || last == 0x8F || (last >= 0xA8 && last <= 0xAE))) ||
        (at(0) == 0xE2 && at(1) == 0x81 && last >= 0xA0 && last <= 0xAF) || // U+2060 to U+206F
        (at(0) == 0xEF && at(1) == 0xBB && last == 0xBF);                   // U+FEFF
    return is_format ? 3 : 0;
}

string clean_reason(std::string_view text, Encoding encoding) {
    string clean;
    bool space_due = false;
    while (!text.empty()) {
        std::size_t length = control_length(text, encoding);
        if (length > 0 || text.front() == ' ') {
            length = length > 0 ? length : 1;
            space_due |= text.front() == ' ' || separates(text.substr(0, length));
            text.remove_prefix(length);
            continue;
        }
        if (space_due && !clean.empty())
            clean.push_back(' ');
        space_due = false;
        clean.push_back(text.front());
        text.remove_prefix(1);
    }
    return clean;
}

string quoted(std::string_view text, Encoding encoding) {
    string field;
    field.push_back('"');
    while (!text.empty()) {
        const std::size_t control = control_length(text, encoding);
        if (control > 0) {
            for (std::size_t i = 0; i < control; ++i) {
                char escape[8];
                std::snprintf(escape, sizeof escape, "\\x%02x", static_cast<unsigned char>(text[i]));
                field.append(escape);
            }
            text.remove_prefix(control);
            continue;
        }
        if (text.front() == '"' || text.front() == '\\')
            field.push_back('\\');
        field.push_back(text.front());
        text.remove_prefix(1);
    }
    field.push_back('"');
    return field;
}

string in_quotes(std::string_view name) {
    string text("\"");
    for (const char c : name)
        text.append(c == '"' ? 2 : 1, c);
    text.push_back('"');
    return text;
}

bool parse_names(std::string_view text, vector<string>& names) {
    skip_spaces(text);
    if (text.empty())
        return true;
    for (;;) {
        string name;
        skip_spaces(text);
        if (!text.empty() && text.front() == '"') {
            if (!take_quoted(text, name))
                return false;
        } else {
            take_bare(text, name);
        }
        if (name.empty())
            return false;
        names.push_back(std::move(name));
        skip_spaces(text);
        if (text.empty())
            return true;
        if (text.front() != ',')
            return false;
        text.remove_prefix(1);
    }
}

bool matches(std::string_view pattern, std::string_view name) noexcept {
    if (pattern.empty() || pattern.back() != '*')
        return pattern == name;
    pattern.remove_suffix(1);
    return name.substr(0, pattern.size()) == pattern;
}

} // namespace sessionctl::core
