#include "text_properties.hpp"

#include "core/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <string>
#include <vector>

namespace sessionctl::test {

namespace {

std::string_view view(const core::string& text) {
    return {text.data(), text.size()};
}

bool continues(char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0) == 0x80;
}

/// Length of the UTF-8 character at `i`, 0 where there is none. (Overlong ones are as good as others here.)
std::size_t character_length(std::string_view text, std::size_t i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const std::size_t length = byte < 0x80   ? 1
                               : byte < 0xC2 ? 0
                               : byte < 0xE0 ? 2
                               : byte < 0xF0 ? 3
                               : byte < 0xF5 ? 4
                                             : 0;
    if (i + length > text.size())
        return 0;
    for (std::size_t j = 1; j < length; ++j)
        if (!continues(text[i + j]))
            return 0;
    return length;
}

bool is_control(std::string_view character) {
    static constexpr std::string_view of_unicode[] = {
        "\u061C", "\u200B", "\u200E", "\u200F", "\u2028", "\u2029", "\u202A", "\u202B", "\u202C", "\u202D",
        "\u202E", "\u2060", "\u2061", "\u2062", "\u2063", "\u2064", "\u2065", "\u2066", "\u2067", "\u2068",
        "\u2069", "\u206A", "\u206B", "\u206C", "\u206D", "\u206E", "\u206F", "\uFEFF"};
    const auto first = static_cast<unsigned char>(character.front());
    return first < 0x20 || first == 0x7F ||
           (character.size() == 2 && first == 0xC2 && static_cast<unsigned char>(character[1]) < 0xA0) ||
           std::find(std::begin(of_unicode), std::end(of_unicode), character) != std::end(of_unicode);
}

/// Bytes that are no UTF-8 are passed over: a server with such an encoding knows no control characters of two
/// bytes.
bool has_control(std::string_view text) {
    std::size_t length;
    for (std::size_t i = 0; i < text.size(); i += length) {
        length = character_length(text, i);
        if (length > 0 && is_control(text.substr(i, length)))
            return true;
        length = length > 0 ? length : 1;
    }
    return false;
}

bool is_utf8(std::string_view text) {
    std::size_t length;
    for (std::size_t i = 0; i < text.size(); i += length)
        if ((length = character_length(text, i)) == 0)
            return false;
    return true;
}

bool has_control_byte(std::string_view text) {
    for (const char c : text)
        if (is_control({&c, 1}))
            return true;
    return false;
}

/// Undoes quoted(); false where the field is not well formed.
bool unquote(std::string_view field, std::string& text) {
    if (field.size() < 2 || field.front() != '"' || field.back() != '"')
        return false;
    field = field.substr(1, field.size() - 2);
    for (std::size_t i = 0; i < field.size(); ++i) {
        if (field[i] == '"')
            return false;
        if (field[i] != '\\') {
            text.push_back(field[i]);
            continue;
        }
        if (++i == field.size())
            return false;
        if (field[i] == 'x') {
            text.push_back(
                static_cast<char>(std::strtoul(std::string(field.substr(i + 1, 2)).c_str(), nullptr, 16)));
            i += 2;
        } else {
            text.push_back(field[i]);
        }
    }
    return true;
}

std::string as_list(const core::vector<core::string>& names) {
    std::string list;
    for (const core::string& name : names) {
        list += list.empty() ? "\"" : " , \"";
        for (const char c : name)
            list += c == '"' ? std::string("\"\"") : std::string(1, c);
        list += '"';
    }
    return list;
}

} // namespace

const char* violated_by_clean_reason(std::string_view text) {
    const core::string clean = core::clean_reason(text);
    if (has_control_byte(view(clean)))
        return "clean_reason left a control character of one byte";
    // Dropping one control character may join the halves of another, but only where the text was broken
    // before.
    if (is_utf8(text) && has_control(view(clean)))
        return "clean_reason left a control character";
    if (!clean.empty() && (clean.front() == ' ' || clean.back() == ' '))
        return "clean_reason left a space at an end";
    if (view(clean).find("  ") != std::string_view::npos)
        return "clean_reason left two spaces in a row";
    if (clean.size() > text.size())
        return "clean_reason made it longer";
    if (is_utf8(text) && core::clean_reason(view(clean)) != clean)
        return "clean_reason is not done after once";
    return nullptr;
}

const char* violated_by_quoted(std::string_view text) {
    const core::string field = core::quoted(text);
    if (has_control(view(field)))
        return "quoted left a control character";
    std::string back;
    if (!unquote(view(field), back))
        return "quoted made a field that ends early";
    return back == text ? nullptr : "quoted lost something";
}

const char* violated_by_parse_names(std::string_view text) {
    core::vector<core::string> names;
    if (!core::parse_names(text, names))
        return nullptr;
    std::size_t total = 0;
    for (const core::string& name : names) {
        if (name.empty())
            return "parse_names found an empty name";
        total += name.size();
    }
    if (total > text.size())
        return "parse_names found more than there is";
    core::vector<core::string> again;
    if (!core::parse_names(as_list(names), again) || again != names)
        return "parse_names does not read its own names back";
    return nullptr;
}

const char* violated_by_clipped_length(std::string_view text) {
    for (std::size_t limit = 0; limit <= text.size() + 1; ++limit) {
        const std::size_t length = core::clipped_length(text, limit);
        if (length > limit || length > text.size())
            return "clipped_length is over the limit";
        if (length < text.size() && length > 0 && continues(text[length]))
            return "clipped_length cuts a character";
        if (is_utf8(text) && length < text.size() && length + 4 <= limit)
            return "clipped_length cuts more than it must";
    }
    return nullptr;
}

const char* violated_by_any(std::string_view text) {
    for (const auto check :
         {violated_by_clean_reason, violated_by_quoted, violated_by_parse_names, violated_by_clipped_length})
        if (const char* const violated = check(text))
            return violated;
    return nullptr;
}

} // namespace sessionctl::test
