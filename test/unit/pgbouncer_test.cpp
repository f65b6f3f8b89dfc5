#include "core/error.hpp"
#include "core/keep_out/pgbouncer.hpp"
#include "support.hpp"

namespace sessionctl::test {

namespace {

std::string named(std::string_view database) {
    return str(core::console_name(database));
}

std::string refusal_of(std::string_view database) {
    try {
        return named(database);
    } catch (const core::Error& error) {
        return error.sqlstate();
    }
}

} // namespace

TEST(ConsoleName, IsPlainWhereItMayBe) {
    EXPECT_EQ(named("shop"), "shop");
    EXPECT_EQ(named("Shop_2"), "Shop_2");
    EXPECT_EQ(named("_"), "_");
}

TEST(ConsoleName, IsQuotedWhereItMustBe) {
    EXPECT_EQ(named("My Shop"), "\"My Shop\"");
    EXPECT_EQ(named("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(named("\""), "\"\"\"\"");
    EXPECT_EQ(named("it's"), "\"it's\"");
    EXPECT_EQ(named("shop;"), "\"shop;\"");
    EXPECT_EQ(named("a\\b\n"), "\"a\\b\n\"");
    EXPECT_EQ(named("Bücher"), "\"Bücher\"");
    EXPECT_EQ(named(" "), "\" \"");
}

TEST(ConsoleName, IsNeverEmpty) {
    EXPECT_EQ(refusal_of(""), "22023");
}

TEST(ConsoleName, FitsPgBouncersParser) {
    EXPECT_EQ(refusal_of(std::string(63, 'x')), std::string(63, 'x'));
    EXPECT_EQ(refusal_of(std::string(64, 'x')), "42622");
    EXPECT_EQ(refusal_of(std::string(61, ' ')), '"' + std::string(61, ' ') + '"');
    EXPECT_EQ(refusal_of(std::string(62, ' ')), "42622");
    EXPECT_EQ(refusal_of(std::string(31, '"')), "42622");
}

} // namespace sessionctl::test
