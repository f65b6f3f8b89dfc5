#include "core/sql_text.hpp"
#include "support.hpp"

#include <cstdlib>
#include <optional>
#include <random>
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

/// As the server's lexer reads it; nothing where there is more than one literal.
std::optional<std::string> read_literal(std::string_view sql, bool standard_conforming_strings) {
    const bool is_escaped = sql.substr(0, 1) == "E";
    sql.remove_prefix(is_escaped ? 1 : 0);
    const bool has_escapes = is_escaped || !standard_conforming_strings;
    if (sql.empty() || sql.front() != '\'')
        return {};
    std::string text;
    for (std::size_t i = 1; i < sql.size(); ++i) {
        if (sql[i] == '\'') {
            if (i + 1 == sql.size())
                return text;
            if (sql[++i] != '\'')
                return {};
            text += '\'';
        } else if (sql[i] == '\\' && has_escapes) {
            if (++i == sql.size())
                return {};
            if (sql[i] == 'x') {
                text +=
                    static_cast<char>(std::strtol(std::string(sql.substr(i + 1, 2)).c_str(), nullptr, 16));
                i += 2;
            } else {
                text += sql[i];
            }
        } else {
            text += sql[i];
        }
    }
    return {};
}

/// U&"…"
std::optional<std::string> read_identifier(std::string_view sql) {
    if (sql.substr(0, 3) != "U&\"")
        return {};
    std::string text;
    for (std::size_t i = 3; i < sql.size(); ++i) {
        if (sql[i] == '"') {
            if (i + 1 == sql.size())
                return text;
            if (sql[++i] != '"')
                return {};
            text += '"';
        } else if (sql[i] == '\\' && sql.substr(i + 1, 1) == "\\") {
            text += sql[++i];
        } else if (sql[i] == '\\') {
            append_utf8(text, static_cast<unsigned>(
                                  std::strtol(std::string(sql.substr(i + 1, 4)).c_str(), nullptr, 16)));
            i += 4;
        } else {
            text += sql[i];
        }
    }
    return {};
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

} // namespace

TEST(SqlText, Literals) {
    EXPECT_EQ(literal("shop"), "'shop'");
    EXPECT_EQ(literal("p','x'); alter role att superuser; --"), "'p'',''x''); alter role att superuser; --'");
    EXPECT_EQ(literal("a\\'b"), "E'a\\\\''b'");
    EXPECT_EQ(literal("a\nb\u0085"), "E'a\\x0ab\\xc2\\x85'");
    EXPECT_EQ(literal(""), "''");
}

TEST(SqlText, Identifiers) {
    EXPECT_EQ(identifier("a\nb\"\\c"), "U&\"a\\000ab\"\"\\\\c\"");
    EXPECT_EQ(identifier("\u2028"), "U&\"\\2028\"");
    EXPECT_EQ(identifier("\u061Cadmin\u202E"), "U&\"\\061cadmin\\202e\"");
    EXPECT_EQ(str(core::escaped_identifier("\xA4\xC2\x8E\x01", core::Encoding::other)),
              "U&\"\xA4\xC2\x8E\\0001\"");
}

TEST(SqlText, ShellWords) {
    EXPECT_EQ(str(core::shell_word("192.0.2.7")), "192.0.2.7");
    EXPECT_EQ(str(core::shell_word("[2001:db8::1]")), "'[2001:db8::1]'");
    EXPECT_EQ(str(core::shell_word("it's $(reboot)")), "'it'\\''s $(reboot)'");
    EXPECT_EQ(str(core::shell_word("")), "''");
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
        ASSERT_EQ(read_word(str(core::shell_word(text))), text);
        for (const std::string& sql : {literal(text), identifier(text)})
            ASSERT_FALSE(core::has_control(sql, core::Encoding::utf8)) << sql;
    }
}

} // namespace sessionctl::test
