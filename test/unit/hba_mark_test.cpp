// Where the block begins and ends, and who made it.

#include "hba_fixture.hpp"

namespace sessionctl::test {

using namespace std::string_literals;

TEST_F(Hba, TellsWhetherThereIsABlock) {
    EXPECT_FALSE(core::hba::is_locked("local all all peer\n"));
    EXPECT_FALSE(core::hba::is_locked(" # >>> pg_sessionctl lockdown\n"));
    EXPECT_TRUE(core::hba::is_locked(locked("")));
    EXPECT_EQ(unlocked("local all all peer\n"), "no block");
    const core::Error error = refused(locked("local all all peer\n"));
    EXPECT_STREQ(error.sqlstate(), "55000");
}

TEST_F(Hba, RefusesADamagedBlock) {
    const std::string first = "# >>> pg_sessionctl lockdown\n", last = "# <<< pg_sessionctl lockdown\n";
    const auto message = [](const std::string& text) {
        const core::Error error = error_of([&] { core::hba::unlock(text); });
        EXPECT_STREQ(error.sqlstate(), "F0000");
        return std::string(error.what());
    };
    EXPECT_EQ(message(first + "x\n"), "line 2 is the last, and a lockdown that began has no end");
    EXPECT_EQ(message("x\n" + last), "line 2 ends a lockdown that has no beginning");
    EXPECT_EQ(message(last + first), "line 1 ends a lockdown that has no beginning");
    EXPECT_EQ(message(first + last + first + last), "line 3 begins a second lockdown");
    EXPECT_EQ(message(first + first + last), "line 2 begins a second lockdown");
    EXPECT_EQ(message(first + last + last), "line 3 ends a lockdown that has no beginning");
    EXPECT_STREQ(error_of([&] { core::hba::is_locked(first); }).sqlstate(), "F0000");
}

TEST_F(Hba, TheMarkCanBeReadBack) {
    lockdown.mark = {"odd \"one\"\n", "today", "", "a \\ b\x7F \"c\""};
    const auto mark = core::hba::mark_of("# above\n" + locked("x y z u\n"s.substr(0, 0)));
    ASSERT_TRUE(mark.has_value());
    EXPECT_EQ(str(mark->by), "odd \"one\"\n");
    EXPECT_EQ(str(mark->at), "today");
    EXPECT_EQ(str(mark->until), "");
    EXPECT_EQ(str(mark->reason), "a \\ b\x7F \"c\"");
    EXPECT_FALSE(core::hba::mark_of("").has_value());
    const std::string end = "\n# <<< pg_sessionctl lockdown\n";
    EXPECT_EQ(str(core::hba::mark_of("# >>> pg_sessionctl lockdown by \"x" + end)->by), "");
    EXPECT_EQ(str(core::hba::mark_of("# >>> pg_sessionctl lockdown mine" + end)->by), "");
}

TEST_F(Hba, TheMarkIsOneShortLine) {
    lockdown.mark = {"a\r\nb", "x", "y", std::string(100000, '\x01').c_str()};
    version = 90400;
    const std::string all = locked("");
    EXPECT_LT(all.find('\n'), 8000u);
    EXPECT_NE(all.find("by \"a\\x0d\\x0ab\""), std::string::npos);
    EXPECT_EQ(unlocked(all), "");
}

} // namespace sessionctl::test
