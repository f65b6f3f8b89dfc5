// The lines of pg_hba.conf, read as the server reads them: tokenize_auth_file(), next_field_expand() and
// next_token() in core's libpq/hba.c.
#pragma once

#include "core/memory.hpp"

#include <cstddef>
#include <string_view>

namespace sessionctl::core::hba {

/// What differs between the releases.
struct Dialect {
    bool continuations;        // 14+: a backslash at a line's end joins it with the next
    bool includes;             // 16+: include, include_if_exists, include_dir
    bool patterns;             // 16+: /regular expression, as a user or a database
    bool return_is_blank;      // up to 18: a carriage return separates fields
    std::size_t longest_token; // bytes, unquoted
    std::size_t longest_line;  // bytes, with the line's end
    const char* argument_sign; // for hints
};

/// `version` as the server numbers itself: 90426, 150020.
Dialect dialect_of(int version) noexcept;

struct File {
    string path;
    string text;
};

struct Token {
    string text;
    bool quoted; // from its first character on: then it is no keyword, no group and no file

    bool is_keyword(std::string_view word) const noexcept { return !quoted && text == word; }
    bool is_group() const noexcept { return !quoted && !text.empty() && text[0] == '+'; }
    bool is_file() const noexcept { return !quoted && text.size() > 1 && text[0] == '@'; }
};

struct Field {
    std::size_t begin, end; // in the line's text, from its first token to its last
    vector<Token> tokens;   // at least one
};

/// One line that says something; with continuation lines, one of all of them.
struct Line {
    int number; // of the first, from 1
    string text;
    vector<Field> fields; // at least one

    /// From one field to another, as it is written.
    std::string_view raw(std::size_t first, std::size_t last) const;
};

/// Errors: F0000 where the server would refuse the file: a token or line too long, a zero byte.
vector<Line> lines_of(const File& file, const Dialect& dialect);

/// Errors: F0000, 'line 7 of "/etc/pg_hba.conf" ...', with a hint that the server refuses it, too.
[[noreturn]] void refuse_line(const File& file, int number, const char* what);

} // namespace sessionctl::core::hba
