#include "support.hpp"

namespace sessionctl::test {

using core::Error;

TEST(Error, CarriesAllThatPostgresReports) {
    const char condition[] = "pid = 1";
    Error error(core::sqlstate::syntax_error, "%d of %s", 3, "four");
    error.detail("detail %d", 1).hint("hint %s", "x").at(condition, 5);
    EXPECT_STREQ(error.sqlstate(), "42601");
    EXPECT_STREQ(error.what(), "3 of four");
    EXPECT_STREQ(error.detail(), "detail 1");
    EXPECT_STREQ(error.hint(), "hint x");
    EXPECT_EQ(error.text(), condition);
    EXPECT_EQ(error.position(), 5);
}

TEST(Error, IsEmptyWhereNothingWasGiven) {
    const Error error("22023", "message");
    EXPECT_STREQ(error.detail(), "");
    EXPECT_STREQ(error.hint(), "");
    EXPECT_EQ(error.text(), nullptr);
    EXPECT_EQ(error.position(), 0);
}

TEST(Error, CutsLongTextsAtACharacter) {
    const std::size_t room = Error::text_size - 1;
    for (std::size_t before = room - 5; before <= room; ++before) {
        const std::string prefix(before, 'x');
        const std::string text = prefix + "€€€"; // of three bytes each
        const std::string cut = Error("22023", "%s", text.c_str()).what();
        EXPECT_EQ(text.compare(0, cut.size(), cut), 0);
        EXPECT_LE(cut.size(), room);
        EXPECT_GE(cut.size(), room - 3);
        EXPECT_TRUE(cut.size() <= before || (cut.size() - before) % 3 == 0)
            << "cut after byte " << cut.size() - before;
        EXPECT_EQ(Error("22023", "m").detail("%s", text.c_str()).detail(), cut);
        EXPECT_EQ(Error("22023", "m").hint("%s", text.c_str()).hint(), cut);
    }
}

TEST(Error, CutsNothingThatFits) {
    const std::string fits = std::string(Error::text_size - 3, 'x') + "é";
    EXPECT_EQ(Error("22023", "%s", fits.c_str()).what(), fits);
}

TEST(Error, OutlivesTheMemoryItWasMadeFrom) {
    const Error error = [] {
        const std::string name = "a name too long to be stored inside of the string object";
        return Error("42704", "no %s", name.c_str());
    }();
    EXPECT_STREQ(error.what(), "no a name too long to be stored inside of the string object");
}

} // namespace sessionctl::test
