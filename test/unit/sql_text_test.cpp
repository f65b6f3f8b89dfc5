#include "core/sql_text.hpp"
#include "support.hpp"

#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <random>
#include <utility>
#include <vector>

namespace sessionctl::test {

using namespace std::string_literals;

namespace {

std::string literal(std::string_view text) {
    return str(core::sql_literal(text, core::Encoding::utf8));
}
std::string identifier(std::string_view name) {
    return str(core::escaped_identifier(name, core::Encoding::utf8));
}
std::string word(std::string_view text) {
    return str(core::shell_word(text));
}

void append_utf8(std::string& text, unsigned code) {
    if (code < 0x80) {
        text += static_cast<char>(code);
    } else if (code < 0x800) {
        text += static_cast<char>(0xC0 | code >> 6);
        text += static_cast<char>(0x80 | (code & 0x3F));
    } else {
        text += static_cast<char>(0xE0 | code >> 12);
        text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
        text += static_cast<char>(0x80 | (code & 0x3F));
    }
}

/// What stands in these quotes; nothing where there is more than that. After a backslash `read_escape`
/// appends what it means, and returns how many bytes say it.
template <typename ReadEscape>
std::optional<std::string> read_quoted(std::string_view sql, char quote, ReadEscape&& read_escape) {
    if (sql.empty() || sql.front() != quote)
        return {};
    std::string text;
    for (std::size_t i = 1; i < sql.size(); ++i) {
        if (sql[i] == quote) {
            if (i + 1 == sql.size())
                return text;
            if (sql[++i] != quote)
                return {};
            text += quote;
        } else if (sql[i] == '\\') {
            i += read_escape(text, sql.substr(i + 1));
        } else {
            text += sql[i];
        }
    }
    return {};
}

unsigned hexadecimal(std::string_view digits) {
    return static_cast<unsigned>(std::strtol(std::string(digits).c_str(), nullptr, 16));
}

/// As the server's lexer reads it.
std::optional<std::string> read_literal(std::string_view sql, bool standard_conforming_strings) {
    const bool is_escaped = sql.substr(0, 1) == "E";
    sql.remove_prefix(is_escaped ? 1 : 0);
    const bool has_escapes = is_escaped || !standard_conforming_strings;
    return read_quoted(sql, '\'', [&](std::string& text, std::string_view rest) -> std::size_t {
        if (!has_escapes || rest.empty()) {
            text += '\\';
            return 0;
        }
        if (rest[0] == 'x') {
            text += static_cast<char>(hexadecimal(rest.substr(1, 2)));
            return 3;
        }
        text += rest[0];
        return 1;
    });
}

/// U&"…"
std::optional<std::string> read_identifier(std::string_view sql) {
    if (sql.substr(0, 2) != "U&")
        return {};
    return read_quoted(sql.substr(2), '"', [](std::string& text, std::string_view rest) -> std::size_t {
        if (rest.substr(0, 1) == "\\") {
            text += '\\';
            return 1;
        }
        append_utf8(text, hexadecimal(rest.substr(0, 4)));
        return 4;
    });
}

/// As a shell reads one word.
std::optional<std::string> read_word(std::string_view command) {
    std::string text;
    bool is_quoted = false;
    for (std::size_t i = 0; i < command.size(); ++i) {
        if (command[i] == '\'')
            is_quoted = !is_quoted;
        else if (!is_quoted && command[i] == '\\')
            text += command[++i];
        else if (!is_quoted &&
                 std::string_view(" \t\n;&|<>()$`\"*?[]#~!{}").find(command[i]) != std::string_view::npos)
            return {};
        else
            text += command[i];
    }
    return is_quoted ? std::nullopt : std::optional(text);
}

/// Each text is spelt so.
void expect_spelt(std::string (*spell)(std::string_view),
                  std::initializer_list<std::pair<std::string_view, const char*>> texts) {
    for (const auto& [text, sql] : texts)
        EXPECT_EQ(spell(text), sql);
}

} // namespace

TEST(SqlText, Literals) {
    expect_spelt(literal,
                 {{"shop", "'shop'"},
                  {"p','x'); alter role att superuser; --", "'p'',''x''); alter role att superuser; --'"},
                  {"a\\'b", "E'a\\\\''b'"},
                  {"a\nb\u0085", "E'a\\x0ab\\xc2\\x85'"},
                  {"", "''"}});
}

TEST(SqlText, Identifiers) {
    expect_spelt(identifier, {{"a\nb\"\\c", "U&\"a\\000ab\"\"\\\\c\""},
                              {"\u2028", "U&\"\\2028\""},
                              {"\u061Cadmin\u202E", "U&\"\\061cadmin\\202e\""}});
}

TEST(SqlText, ShellWords) {
    expect_spelt(word, {{"192.0.2.7", "192.0.2.7"},
                        {"[2001:db8::1]", "'[2001:db8::1]'"},
                        {"it's $(reboot)", "'it'\\''s $(reboot)'"},
                        {"", "''"}});
}

TEST(SqlText, LeavesBytesOfOtherEncodingsAlone) {
    EXPECT_EQ(str(core::escaped_identifier("\xA4\xC2\x8E\x01", core::Encoding::other)),
              "U&\"\xA4\xC2\x8E\\0001\"");
}

TEST(SqlText, IsReadBackAsItWasWhateverItIs) {
    std::mt19937 random(20261128);
    const std::vector<std::string> parts = {"x",    "1f", "'",      "\"",     "\\", "\n", "\r", "\t",
                                            "\x7F", "ü",  "\u0085", "\u202E", "雪", ";",  "--", "$",
                                            "`",    " ",  "E'",     "U&",     "*",  "~"};
    for (int i = 0; i < 30000; ++i) {
        std::string text;
        for (auto length = random() % 12; length > 0; --length)
            text += parts[random() % parts.size()];
        ASSERT_EQ(read_literal(literal(text), true), text) << literal(text);
        ASSERT_EQ(read_literal(literal(text), false), text) << literal(text);
        ASSERT_EQ(read_identifier(identifier(text)), text) << identifier(text);
        ASSERT_EQ(read_word(word(text)), text);
        for (const std::string& sql : {literal(text), identifier(text)})
            ASSERT_FALSE(core::has_control(sql, core::Encoding::utf8)) << sql;
    }
}

} // namespace sessionctl::test
