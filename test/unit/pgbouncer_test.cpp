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
    for (const std::string database : {"shop", "Shop_2", "_"})
        EXPECT_EQ(named(database), database);
}

TEST(ConsoleName, IsQuotedWhereItMustBe) {
    for (const std::string database : {"My Shop", "it's", "shop;", "a\\b\n", "Bücher", " "})
        EXPECT_EQ(named(database), '"' + database + '"');
    EXPECT_EQ(named("a\"b"), "\"a\"\"b\"");
    EXPECT_EQ(named("\""), "\"\"\"\"");
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
