#include "core/sql_text.hpp"

#include "core/shown_text.hpp"

#include <algorithm>
#include <cstdio>

namespace sessionctl::core {

namespace {

bool is_plain_in_shell(char c) noexcept {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           std::string_view("_-./:,@+").find(c) != std::string_view::npos;
}

/// Unlike a string with Unicode escapes, such an identifier is allowed whatever standard_conforming_strings
/// is.
void append_unicode_escape(string& text, std::string_view character) {
    string escape;
    append_code_point(escape, character);
    text.append("\\").append(escape, 2, string::npos);
}

} // namespace

bool has_control(std::string_view text, Encoding encoding) noexcept {
    for (; !text.empty(); text.remove_prefix(1))
        if (control_length(text, encoding) > 0)
            return true;
    return false;
}

string sql_literal(std::string_view text, Encoding encoding) {
    const bool is_escaped = text.find('\\') != std::string_view::npos || has_control(text, encoding);
    string literal(is_escaped ? "E'" : "'");
    while (!text.empty()) {
        const std::size_t control = control_length(text, encoding);
        for (std::size_t i = 0; i < control; ++i)
            append_byte(literal, text[i]);
        if (control == 0)
            literal.append(text.front() == '\'' || text.front() == '\\' ? 2 : 1, text.front());
        text.remove_prefix(std::max<std::size_t>(control, 1));
    }
    literal.push_back('\'');
    return literal;
}

string escaped_identifier(std::string_view name, Encoding encoding) {
    string identifier("U&\"");
    while (!name.empty()) {
        const std::size_t control = control_length(name, encoding);
        if (control > 0)
            append_unicode_escape(identifier, name.substr(0, control));
        else
            identifier.append(name.front() == '"' || name.front() == '\\' ? 2 : 1, name.front());
        name.remove_prefix(std::max<std::size_t>(control, 1));
    }
    identifier.push_back('"');
    return identifier;
}

string shell_word(std::string_view text) {
    if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain_in_shell))
        return string(text);
    string word("'");
    for (const char c : text) {
        if (c == '\'')
            word.append("'\\'");
        word.push_back(c);
    }
    word.push_back('\'');
    return word;
}

} // namespace sessionctl::core
