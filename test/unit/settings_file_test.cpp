#include "core/settings_file.hpp"
#include "support.hpp"

#include <cstring>

namespace sessionctl::test {

namespace {

bool is_number(std::string_view text, std::int64_t largest, std::int64_t expected = 0) {
    std::int64_t number = -1;
    return core::read_number(text, largest, number) && number == expected;
}

bool is_time_of(std::string_view text, std::int64_t largest, std::int32_t expected = 0) {
    std::int32_t milliseconds = -1;
    return core::read_milliseconds(text, largest, milliseconds) && milliseconds == expected;
}

std::string written_quoted(const char* value) {
    char text[256];
    core::SettingsWriter writer(text, sizeof text);
    writer.add_quoted("key", value);
    return text;
}

} // namespace

TEST(SettingsFile, NumbersAreDigits) {
    EXPECT_TRUE(is_number("0", 0, 0));
    EXPECT_TRUE(is_number("007", 9, 7));
    EXPECT_TRUE(is_number("999999999999999999", INT64_MAX, 999999999999999999));
    EXPECT_FALSE(is_number("8", 7, 8));
    for (const char* const text : {"", "-1", "+1", " 1", "1 ", "1.0", "x", "9999999999999999999"})
        EXPECT_FALSE(is_number(text, INT64_MAX)) << text;
    std::uint32_t oid = 0;
    EXPECT_TRUE(core::read_oid("4294967295", oid));
    EXPECT_EQ(oid, 4294967295U);
    EXPECT_FALSE(core::read_oid("4294967296", oid));
    EXPECT_FALSE(core::read_oid("0", oid));
}

TEST(SettingsFile, MillisecondsHaveTheirUnit) {
    EXPECT_TRUE(is_time_of("0 ms", 5, 0));
    EXPECT_TRUE(is_time_of("500 ms", 500, 500));
    EXPECT_TRUE(is_time_of("2147483647 ms", INT64_MAX, 2147483647));
    EXPECT_FALSE(is_time_of("2147483648 ms", INT64_MAX));
    for (const char* const text : {"", " ms", "ms", "5", "5ms", "5  ms", "5 s", "501 ms"})
        EXPECT_FALSE(is_time_of(text, 500)) << text;
}

TEST(SettingsFile, ALineIsAKeyAndItsValue) {
    EXPECT_EQ(core::Setting("key a value").key, "key");
    EXPECT_EQ(core::Setting("key a value").value, "a value");
    EXPECT_EQ(core::Setting("key").key, "key");
    EXPECT_EQ(core::Setting("key").value, "");
    EXPECT_EQ(core::Setting("").key, "");
}

TEST(SettingsFile, QuotesWhatIsHardToWrite) {
    EXPECT_EQ(written_quoted(""), "key \"\"\n");
    EXPECT_EQ(written_quoted("a \"b\" \\ \x01\x7f ä"), "key \"a \\\"b\\\" \\\\ \\x01\\x7f ä\"\n");
    char read[16];
    EXPECT_TRUE(core::read_quoted("\"\\\"\\\\\\x01\\x7fä\"", read));
    EXPECT_STREQ(read, "\"\\\x01\x7fä");
    EXPECT_TRUE(core::read_quoted("\"" + std::string(15, 'x') + "\"", read));
    EXPECT_FALSE(core::read_quoted("\"" + std::string(16, 'x') + "\"", read));
    for (const char* const text : {"", "\"", "x", "\"x", "x\"", "\"\"\"", "\"\\\"", "\"\\n\"", "\"\\x\"",
                                   "\"\\x0\"", "\"\\x00\"", "\"\\xAB\""})
        EXPECT_FALSE(core::read_quoted(text, read)) << text;
}

TEST(SettingsFile, WhatHasNoRoomIsLeftOut) {
    char text[8];
    std::memset(text, 'x', sizeof text);
    core::SettingsWriter writer(text, sizeof text);
    EXPECT_STREQ(text, "");
    writer.add("%s", "1234");
    writer.add("%s", "56789");
    EXPECT_STREQ(text, "1234567");
    EXPECT_EQ(writer.length(), 7u);
    writer.add_time("x", 1);
    EXPECT_EQ(writer.length(), 7u);
}

TEST(SettingsFile, ReadsTheLinesBetweenTheFirstAndTheLast) {
    std::string lines;
    const auto read = [&](const core::Setting& setting) {
        lines.append(setting.key).append("=").append(setting.value).append(";");
        return setting.key != "bad";
    };
    EXPECT_TRUE(core::read_settings("first 1\n# x\n\na 1\nb\nend\n", "first 1", read));
    EXPECT_EQ(lines, "a=1;b=;");
    EXPECT_FALSE(core::read_settings("first 1\na 1\nbad\nend\n", "first 1", read));
    EXPECT_FALSE(core::read_settings("first 2\nend\n", "first 1", read));
    EXPECT_FALSE(core::read_settings("first 1\nend\na 1\n", "first 1", read));
    EXPECT_FALSE(core::read_settings("first 1\nend", "first 1", read));
    EXPECT_FALSE(core::read_settings("first 1\na 1\n", "first 1", read));
}

} // namespace sessionctl::test
