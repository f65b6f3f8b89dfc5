// The lines and words of pg_hba.conf, as each release reads them.

#include "hba_fixture.hpp"

namespace sessionctl::test {

using namespace std::string_literals;

TEST_F(Hba, ACommaAfterABlankBelongsToTheNextField) {
    allow("bob");
    EXPECT_EQ(rule("local app ,bob peer"), "local app \"bob\" peer");
    EXPECT_EQ(rule(",local , app , bob , peer"), "local app \"bob\" peer");
}

TEST_F(Hba, PassesOverCommentsAndBlankLines) {
    EXPECT_EQ(rules("\n  \t\n# local all all trust\n   #\n,\nlocal all all#trust\n\tpeer"s.substr(0, 33)),
              "");
    EXPECT_EQ(rule("local all all trust#peer"), "local all \"root\" trust");
    EXPECT_EQ(rule("local \"#\" all trust"), "local \"#\" \"root\" trust");
}

TEST_F(Hba, JoinsLinesFrom14On) {
    const std::string text =
        "local all \\\nall\\\r\n peer # and \\\nlocal all bob trust\nlocal app all trust\n";
    EXPECT_EQ(rules(text), "local all \"root\" peer\nlocal app \"root\" trust\n");
    version = 130000;
    EXPECT_STREQ(refused(text).what(), "line 1 of \"pg_hba.conf\" needs a database, a role and a method");
    EXPECT_EQ(rule("local all all peer map=a\\"), "local all \"root\" peer map=a\\");
}

TEST_F(Hba, ABackslashAtTheEndJoinsNothing) {
    EXPECT_EQ(rules("local all all peer map=a\\ # x\nlocal all all trust\n"),
              "local all \"root\" peer map=a\\\\\n\nlocal all \"root\" trust\n");
    EXPECT_EQ(rule("local all all peer map=a\\\\\n"), "local all \"root\" peer map=a\\\\");
    EXPECT_EQ(rule("local all all peer map=a\\"), "local all \"root\" peer map=a") << "the file ends there";
    lockdown.mark.reason = "C:\\";
    EXPECT_EQ(locked("").substr(0, 44), "# >>> pg_sessionctl lockdown reason \"C:\\\\\"\n#");
}

TEST_F(Hba, ACarriageReturnSeparatesUpTo18) {
    version = 180000;
    EXPECT_EQ(rule("local\rall all peer"), "local all \"root\" peer");
    version = 190000;
    EXPECT_STREQ(refused("local\rall all peer").sqlstate(), "F0000");
    EXPECT_EQ(rules("#\nlocal all all peer\r\n"), "local all \"root\" peer\n") << "not at the line's end";
}

TEST_F(Hba, CountsJoinedLinesInErrors) {
    EXPECT_STREQ(refused("local all \\\n all peer\n\nlocale all all peer\n").what(),
                 "line 4 of \"pg_hba.conf\" does not begin with a connection type");
}

TEST_F(Hba, RefusesWhatTheServerWouldRefuse) {
    for (const char* const text :
         {"local", "local all", "local all all", "host all all 127.0.0.1/32", "host all",
          "lokal all all peer", "local,host all all peer", "@types all all peer",
          "\xEF\xBB\xBFlocal all all peer", "local all \"all peer"})
        EXPECT_STREQ(refused(text).sqlstate(), "F0000") << text;
    EXPECT_STREQ(refused("local all all peer\nlocal all all pe\0er\n"s).what(),
                 "line 2 of \"pg_hba.conf\" contains a zero byte");
    EXPECT_STREQ(refused("\xEF\xBB\xBF# x\n").what(),
                 "line 1 of \"pg_hba.conf\" begins with a byte order mark");
    EXPECT_STREQ(refused("# >>> pg_sessionctl lockdown\nlocal all all peer\n").sqlstate(), "F0000");
}

TEST_F(Hba, KnowsHowLongAWordMayBe) {
    const auto line = [](int length) { return "local " + std::string(length, 'd') + " all peer"; };
    const auto is_fine = [&](int at_version, int length) {
        version = at_version;
        try {
            return !rule(line(length)).empty();
        } catch (const core::Error&) {
            return false;
        }
    };
    EXPECT_TRUE(is_fine(90600, 254));
    EXPECT_FALSE(is_fine(90600, 256));
    EXPECT_TRUE(is_fine(160000, 255));
    EXPECT_FALSE(is_fine(160000, 256));
    EXPECT_TRUE(is_fine(170000, 100000));
}

TEST_F(Hba, KnowsHowLongALineMayBe) {
    const auto padded = [](std::size_t length) {
        const std::string line = "local all all peer map=a";
        return line + std::string(length - line.size(), ' ') + "\n";
    };
    version = 130000;
    EXPECT_EQ(rule(padded(8189)), "local all \"root\" peer map=a");
    EXPECT_STREQ(refused(padded(8190)).what(), "line 1 of \"pg_hba.conf\" is too long");
    version = 140000;
    EXPECT_EQ(rule(padded(100000)), "local all \"root\" peer map=a");
}

} // namespace sessionctl::test
