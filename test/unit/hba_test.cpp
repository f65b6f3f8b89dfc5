// The block at the top of pg_hba.conf: who may log in, and that unlocking leaves no trace.

#include "hba_fixture.hpp"

namespace sessionctl::test {

using namespace std::string_literals;

TEST_F(Hba, PutsABlockBeforeTheText) {
    const std::string text = "# mine\nlocal all all peer\n";
    lockdown.mark = {"regina", "2026-01-02 03:04:05+00", "", "restore \"a\\"};
    EXPECT_EQ(locked(text),
              "# >>> pg_sessionctl lockdown by \"regina\" at \"2026-01-02 03:04:05+00\" reason "
              "\"restore \\\"a\\\\\"\n"
              "# To undo it: sessionctl.unlock_server(). Without a login: delete the lines from >>> to <<<, "
              "then pg_ctl reload.\n"
              "local all \"root\" peer\n"s +
                  rejects + end_marker + text);
}

TEST_F(Hba, AsksTheProbeForAPassword) {
    lockdown.probe = "pg_sessionctl probe 1a";
    const std::string text = locked("local all all peer\n");
    EXPECT_EQ(text.substr(text.find("# No role")),
              "# No role has this name. It shows whether the server has read these lines.\n"
              "local \"pg_sessionctl probe 1a\" \"pg_sessionctl probe 1a\" password\n"
              "host \"pg_sessionctl probe 1a\" \"pg_sessionctl probe 1a\" 0.0.0.0/0 password\n"
              "host \"pg_sessionctl probe 1a\" \"pg_sessionctl probe 1a\" ::/0 password\n"
              "local all \"root\" peer\n"s +
                  rejects + end_marker + "local all all peer\n");
    EXPECT_EQ(str(core::hba::probe_of(text).value_or("none")), lockdown.probe.c_str());
    lockdown.probe.clear();
    EXPECT_FALSE(core::hba::probe_of(locked("local all all peer\n")));
    EXPECT_FALSE(core::hba::probe_of("local \"pg_sessionctl probe 1a\" all password\n"));
}

TEST_F(Hba, LeavesReplicationAlone) {
    const std::string text = "host replication standby 10.0.0.0/8 md5\nlocal all all peer\n";
    EXPECT_EQ(rules(text), "local all \"root\" peer\n") << "the old line below the block serves";
    const std::string all = locked(text);
    EXPECT_EQ(all.find(" replication all"), std::string::npos);
    EXPECT_EQ(all.substr(all.size() - text.size()), text);
    // A line for both would otherwise come before one for replication.
    EXPECT_EQ(rules("local replication all trust\nlocal app,replication all peer\n"),
              "local replication \"root\" trust\nlocal app,replication \"root\" peer\n");
}

TEST_F(Hba, RejectsReplicationFirstWhereAsked) {
    lockdown.include_replication = true;
    EXPECT_EQ(rules("local replication all trust\nlocal replication,app all peer\n"),
              "local replication all reject\nhost replication all 0.0.0.0/0 reject\n"
              "host replication all ::/0 reject\nlocal replication,app \"root\" peer\n");
}

TEST_F(Hba, WithSuperusersOnlyTheRejectsAreLeft) {
    lockdown.include_superusers = true;
    EXPECT_EQ(rules("local all all peer\nhost replication all all md5\n"), "");
    allow("bob");
    EXPECT_EQ(rule("local all all peer"), "local all \"bob\" peer");
    allow("root");
    EXPECT_EQ(rule("local all all peer"), "local all \"bob\",\"root\" peer") << "named, so allowed";
}

TEST_F(Hba, NeverLocksEverybodyOutUnasked) {
    lockdown.superusers.clear();
    const core::Error error = refused("local all all peer\n");
    EXPECT_STREQ(error.sqlstate(), "55000");
    EXPECT_STREQ(error.what(), "no role would be able to log in");
}

TEST_F(Hba, UsesTheLineEndOfTheFile) {
    const std::string text = "# x\r\nlocal all all peer\r\n";
    const std::string all = locked(text);
    for (std::size_t i = all.find('\n'); i != std::string::npos; i = all.find('\n', i + 1))
        EXPECT_EQ(all[i - 1], '\r');
    EXPECT_NE(all.find("\r\nlocal all \"root\" peer\r\n"), std::string::npos);
    EXPECT_EQ(unlocked(all), text);
}

TEST_F(Hba, RefusesToMakeALineTooLong) {
    std::string text = "local all all ldap";
    while (text.size() < 8180)
        text += " ab=cd";
    version = 130000;
    allow("a name of many words and more bytes");
    const core::Error error = refused(text + "\n");
    EXPECT_STREQ(error.sqlstate(), "0A000");
    version = 140000;
    EXPECT_EQ(unlocked(locked(text)), text);
}

TEST_F(Hba, GoesOnInAnotherLineWhereManyMayCome) {
    lockdown.superusers.clear();
    for (int i = 0; i < 1000; ++i)
        lockdown.superusers.push_back(text_of("role number " + std::to_string(i)));
    version = 90400;
    const std::string all = rules("local all all peer\n");
    std::size_t longest = 0, names = 0;
    for (std::size_t at = 0, next; (next = all.find('\n', at)) != std::string::npos; at = next + 1)
        longest = std::max(longest, next - at);
    for (std::size_t at = 0; (at = all.find("\"role number ", at)) != std::string::npos; ++at)
        ++names;
    EXPECT_EQ(names, 1000u);
    EXPECT_LT(longest, 500u);
}

TEST_F(Hba, UnlockRestoresEveryByte) {
    for (const std::string& text :
         {""s, "\n"s, "\r\n"s, "#"s, "local all all peer"s, "local all all peer\r\n# x"s, "\n\n# x\r\n\n"s,
          "local all all peer\\\n\\\n"s, "# \xFF\xFE\n"s, "local all all peer\r"s})
        EXPECT_EQ(unlocked(locked(text)), text);
}

TEST_F(Hba, UnlockLeavesOtherEditsAlone) {
    const std::string all = locked("local all all peer\n");
    EXPECT_EQ(unlocked("# above\n" + all + "local new new md5\n"),
              "# above\nlocal all all peer\nlocal new new md5\n");
    EXPECT_EQ(unlocked("\xEF\xBB\xBF" + all), "\xEF\xBB\xBFlocal all all peer\n");
    std::string windows;
    for (const char c : all)
        windows += c == '\n' ? "\r\n"s : std::string(1, c);
    EXPECT_EQ(unlocked(windows), "local all all peer\r\n");
    EXPECT_EQ(unlocked(locked("").substr(0, locked("").size() - 1)), "") << "no newline after the last line";
}

} // namespace sessionctl::test
