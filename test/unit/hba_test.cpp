#include "core/hba/hba.hpp"
#include "hba_model.hpp"
#include "support.hpp"

#include <random>

namespace sessionctl::test {

using namespace std::string_literals;
using core::hba::dialect_of;
using core::hba::Lockdown;

namespace {

core::string text_of(const std::string& text) {
    return core::string(text.data(), text.size());
}

struct Hba : testing::Test {
    HbaWorld world = odd_world();
    Lockdown lockdown;
    int version = 150000;

    Hba() { lockdown.superusers.push_back("root"); }

    void allow(const char* role) { lockdown.allow_roles.push_back(role); }

    std::string locked(const std::string& text) {
        return str(lock({"pg_hba.conf", text_of(text)}, lockdown, dialect_of(version), world).text);
    }
    core::Error refused(const std::string& text) {
        return error_of([&] { locked(text); });
    }
    /// What stands in the block before the rejects, without the comments.
    std::string rules(const std::string& text) {
        const std::string all = locked(text);
        const std::size_t begin = all.find('\n', all.find("# To undo it")) + 1;
        return all.substr(begin, all.find("local all all reject\n") - begin);
    }
    std::string rule(const std::string& text) {
        const std::string all = rules(text + "\n");
        return all.substr(0, all.find('\n'));
    }
};

std::string unlocked(const std::string& text) {
    const auto rest = core::hba::unlock(text);
    return rest ? str(*rest) : "no block";
}

constexpr char rejects[] = "local all all reject\nhost all all 0.0.0.0/0 reject\nhost all all ::/0 reject\n";
constexpr char end_marker[] = "# <<< pg_sessionctl lockdown\n";

} // namespace

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
    EXPECT_EQ(text.substr(text.find("# Nobody")),
              "# Nobody has this name: it shows whether the server has read these lines.\n"
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

TEST_F(Hba, NarrowsTheRolesOfARule) {
    allow("bob");
    EXPECT_EQ(rule("local all all peer"), "local all \"bob\",\"root\" peer");
    EXPECT_EQ(rule("local all root,alice,bob peer"), "local all \"bob\",\"root\" peer");
    EXPECT_EQ(rule("local all alice peer"), "");
    EXPECT_EQ(rule("local all \"bob\" peer"), "local all \"bob\" peer");
    EXPECT_EQ(rule("local all Bob peer"), "") << "case matters";
    EXPECT_EQ(rule("local all alice, bob peer"), "local all \"bob\" peer");
    EXPECT_EQ(rule("local all alice,bob reject"), "local all \"bob\" reject");
}

TEST_F(Hba, KeepsTheOrderOfRules) {
    allow("bob");
    EXPECT_EQ(rules("host app bob 10.0.0.0/8 reject\nhost app all 10.0.0.0/8 md5\nhost all alice all md5\n"
                    "local all root peer\n"),
              "host app \"bob\" 10.0.0.0/8 reject\nhost app \"bob\",\"root\" 10.0.0.0/8 md5\n"
              "local all \"root\" peer\n");
}

TEST_F(Hba, AQuotedKeywordIsAName) {
    EXPECT_EQ(rule("local all \"all\" peer"), "");
    EXPECT_EQ(rule("local all a\"ll\" peer"), "local all \"root\" peer") << "quoted later than at its start";
    EXPECT_EQ(rule("local all sameuser peer"), "");
    allow("all");
    EXPECT_EQ(rule("local all \"all\" peer"), "local all \"all\" peer");
}

TEST_F(Hba, AsksTheServerForMembers) {
    allow("bob");
    EXPECT_EQ(rule("local all +staff peer"), "local all \"bob\" peer");
    EXPECT_EQ(rule("local all +nobody peer"), "");
    EXPECT_EQ(rule("local all \"+staff\" peer"), "") << "a name";
    allow("+staff");
    EXPECT_EQ(rule("local all \"+staff\" peer"), "local all \"+staff\" peer");
    allow("carol");
    EXPECT_EQ(rule("local all +\"odd group\" peer"), "local all \"carol\" peer");
}

TEST_F(Hba, AllowsMembersOfAllowedRoles) {
    allow("staff");
    EXPECT_EQ(rule("local all all peer"), "local all \"alice\",\"bob\",\"dba\",\"root\",\"staff\" peer");
    EXPECT_EQ(rule("local all alice,carol peer"), "local all \"alice\" peer");
    EXPECT_EQ(rule("local all +dba peer"), "local all \"alice\",\"dba\" peer");
}

TEST_F(Hba, QuotesNames) {
    lockdown.superusers.clear();
    for (const char* const name :
         {"a b", "a,b", "say \"hi\"", "\"", "#x", "@x", "+x", "all", "ends\\", "grün"})
        lockdown.superusers.push_back(name);
    EXPECT_EQ(rule("local all all peer"), "local all \"\"\"\",\"#x\",\"+x\",\"@x\",\"a b\",\"a,b\",\"all\","
                                          "\"ends\\\",\"grün\",\"say \"\"hi\"\"\" peer");
}

TEST_F(Hba, ReadsFilesOfRoles) {
    allow("carol");
    EXPECT_EQ(rule("local all @admins peer"), "local all \"carol\",\"root\" peer");
    EXPECT_EQ(rule("local all @nested peer"), "local all \"carol\",\"root\" peer");
    EXPECT_EQ(rule("local all bob,@\"admins\" peer"), "local all \"carol\",\"root\" peer");
    EXPECT_EQ(rule("local all \"@admins\" peer"), "") << "a name";
    EXPECT_EQ(rule("local all @ peer"), "") << "a name";
}

TEST_F(Hba, RefusesAFileOfRolesThatItCannotRead) {
    const core::Error error = refused("local all root peer\n\nlocal all bob,@gone peer\n");
    EXPECT_STREQ(error.sqlstate(), "F0000");
    EXPECT_STREQ(error.what(), "line 3 of \"pg_hba.conf\" includes \"gone\", which does not exist");
    EXPECT_STREQ(refused("local all @loop peer").what(),
                 "line 1 of \"loop\" includes \"loop\", which is nested too deep");
    EXPECT_STREQ(refused("local all @empty peer").what(), "line 1 of \"pg_hba.conf\" names an empty file");
    EXPECT_STREQ(refused("host @empty all all all md5").what(),
                 "line 1 of \"pg_hba.conf\" names an empty file")
        << "its fields would be others";
    EXPECT_STREQ(refused("local @gone all md5").sqlstate(), "F0000");
}

TEST_F(Hba, KnowsPatternsFrom16On) {
    world.roles["/o"] = {};
    EXPECT_EQ(rule("local all /o+t$ peer"), "");
    version = 160000;
    EXPECT_EQ(rule("local all /o+t$ peer"), "local all \"root\" peer");
    EXPECT_EQ(rule("local all \"/^r.o+t\" peer"), "local all \"root\" peer") << "in quotes, too";
    EXPECT_EQ(rule("local /^db\\d+$,app all peer"), "local /^db\\d+$,app \"root\" peer");
    EXPECT_EQ(rule("local all +/o peer"), "");
}

TEST_F(Hba, ANameThatLooksLikeAPatternBecomesOne) {
    allow("/^a.b_9\"ü");
    EXPECT_EQ(rule("local all all peer"), "local all \"/^a.b_9\"\"ü\",\"root\" peer");
    version = 160000;
    EXPECT_EQ(rule("local all all peer"), "local all \"/^\\/\\^a\\.b_9\\\"\"ü$\",\"root\" peer");
}

TEST_F(Hba, ANameWithANewlineNeedsAPattern) {
    allow("a\nb c");
    const core::Error error = refused("local all all peer");
    EXPECT_STREQ(error.sqlstate(), "0A000");
    EXPECT_STREQ(error.hint(), "Rename the role, or lock the server down with method => 'gate'.");
    version = 90426;
    EXPECT_STREQ(refused("local all all peer").hint(),
                 "Rename the role, or lock the server down with method := 'gate'.");
    version = 160000;
    EXPECT_EQ(rule("local all all peer"), "local all \"/^a\\nb\\ c$\",\"root\" peer");
}

TEST_F(Hba, WhoIsNotAskedForByNameCannotKeepItFromWorking) {
    lockdown.superusers.push_back("super\nuser");
    world.roles["crew\nlocal all all trust"] = {"staff"};
    allow("staff");
    const core::hba::Locked done =
        lock({"pg_hba.conf", text_of("local all all peer\n")}, lockdown, dialect_of(version), world);
    ASSERT_EQ(done.left_out.size(), 2u);
    EXPECT_EQ(str(done.left_out[0]), "crew\nlocal all all trust");
    EXPECT_EQ(str(done.left_out[1]), "super\nuser");
    EXPECT_EQ(str(done.text).find("super"), std::string::npos);
    EXPECT_EQ(str(done.text).find("trust"), std::string::npos);
    EXPECT_NE(str(done.text).find("\"root\""), std::string::npos);
    lockdown.superusers.erase(lockdown.superusers.begin());
    lockdown.allow_roles.clear();
    EXPECT_STREQ(refused("local all all peer").sqlstate(), "55000") << "nobody would be left";
}

TEST_F(Hba, KeepsDatabasesAsWritten) {
    for (const std::string databases :
         {"all", "\"all\"", "sameuser", "samerole", "samegroup", "app,\"my db\",@dbs", "app,\tother",
          "\"a\"\"b\"", "@\"dbs\"", "app,,other", "replication,postgres", "\"replication\""})
        EXPECT_EQ(rule("local " + databases + " all peer"), "local " + databases + " \"root\" peer");
}

TEST_F(Hba, ACommaAfterABlankBelongsToTheNextField) {
    allow("bob");
    EXPECT_EQ(rule("local app ,bob peer"), "local app \"bob\" peer");
    EXPECT_EQ(rule(",local , app , bob , peer"), "local app \"bob\" peer");
}

TEST_F(Hba, KeepsTypeAddressMethodAndOptionsAsWritten) {
    for (const std::string type : {"host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"})
        for (const std::string rest :
             {"127.0.0.1/32 md5", "10.0.0.0 \t 255.0.0.0\tscram-sha-256", "::1/128 trust", "samehost trust",
              "samenet trust", "all reject", ".example.org md5", "\"all\" md5",
              "::/0 ldap ldapserver=a ldapprefix=\"cn=, # x\" ldapsuffix=\", dc=\"\"x\"\"\"",
              "0.0.0.0/0 cert map=m clientcert=verify-full"})
            EXPECT_EQ(rule(type + "\tall\t all   " + rest + "   # why"), type + " all \"root\" " + rest);
}

TEST_F(Hba, PassesOverCommentsAndBlankLines) {
    EXPECT_EQ(rules("\n  \t\n# local all all trust\n   #\n,\nlocal all all#trust\n\tpeer"s.substr(0, 33)),
              "");
    EXPECT_EQ(rule("local all all trust#peer"), "local all \"root\" trust");
    EXPECT_EQ(rule("local \"#\" all trust"), "local \"#\" \"root\" trust");
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

TEST_F(Hba, FollowsIncludedFilesFrom16On) {
    allow("bob");
    const std::string text = "include more.conf\nlocal all all peer\n";
    EXPECT_STREQ(refused(text).what(), "line 1 of \"pg_hba.conf\" does not begin with a connection type");
    version = 160000;
    EXPECT_EQ(rules(text), "local app \"bob\" md5 map=more\nlocal all \"bob\",\"root\" peer\n");
    EXPECT_EQ(rules("include_dir conf.d\n"),
              "local app \"bob\" md5 map=more\nlocal all \"bob\",\"root\" reject map=a\n"
              "host all \"bob\",\"root\" all trust map=b\n");
    EXPECT_EQ(rules("include_if_exists gone\nlocal all root peer\n"), "local all \"root\" peer\n");
    EXPECT_STREQ(refused("\ninclude gone\n").what(),
                 "line 2 of \"pg_hba.conf\" includes \"gone\", which does not exist");
    EXPECT_STREQ(refused("include_dir gone\n").what(),
                 "line 1 of \"pg_hba.conf\" includes \"gone\", which does not exist");
    world.files["me"] = "include me\n";
    EXPECT_STREQ(refused("include me\n").what(),
                 "line 1 of \"me\" includes \"me\", which is nested too deep");
    EXPECT_STREQ(refused("include @admins\n").sqlstate(), "F0000");
}

TEST_F(Hba, DoesNotMoveARelativeFileName) {
    version = 160000;
    world.files["sub/x.conf"] = "local @dbs all peer\n";
    EXPECT_STREQ(refused("include sub/x.conf\n").what(),
                 "line 1 of \"sub/x.conf\" names a file relative to it: \"@dbs\"");
    world.files["/etc/dbs"] = "app\n";
    world.files["sub/x.conf"] = "local @/etc/dbs @admins peer\n";
    EXPECT_EQ(rules("include sub/x.conf\n"), "local @/etc/dbs \"root\" peer\n");
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

namespace {

/// Files as people, and worse, write them.
class Generator {
  public:
    explicit Generator(unsigned seed) : random_(seed) {}

    std::string file() {
        end_ = one_of({"\n", "\n", "\r\n"});
        std::string text;
        const unsigned lines = random_() % 14;
        for (unsigned i = 0; i < lines; ++i)
            text += line() + end_;
        if (random_() % 4 == 0 && !text.empty())
            text.resize(text.size() - end_.size());
        return text;
    }

  private:
    std::string one_of(std::initializer_list<const char*> choices) {
        return choices.begin()[random_() % choices.size()];
    }
    std::string gap() { return one_of({" ", " ", "  ", "\t", " \t ", "\t\t"}); }

    std::string list(std::string (Generator::*word)()) {
        std::string words = (this->*word)();
        while (random_() % 3 == 0)
            words += one_of({",", ",", ", ", ",,"}) + (this->*word)();
        return words;
    }
    std::string database() {
        return one_of({"all", "all", "\"all\"", "app", "\"my db\"", "sameuser", "samerole", "samegroup",
                       "\"sameuser\"", "replication", "replication", "\"replication\"", "@dbs", "/^a",
                       "a\"ll\"", "dba"});
    }
    std::string role() {
        return one_of({"all",
                       "all",
                       "\"all\"",
                       "root",
                       "alice",
                       "bob",
                       "carol",
                       "+staff",
                       "+dba",
                       "\"+staff\"",
                       "+\"odd group\"",
                       "@admins",
                       "@nested",
                       "\"@admins\"",
                       "a\"ll\"",
                       "/^a",
                       "\"/^a\"",
                       "/o",
                       "\"odd \"\"one\"\", here#\"",
                       "replication",
                       "nobody",
                       "\"\""});
    }
    std::string line() {
        switch (random_() % 12) {
        case 0:
            return one_of({"", "  \t", "# a comment", "#", " # local all all trust", ",", "# x \\"});
        case 1:
            return one_of({"include more.conf", "include_dir conf.d", "include_if_exists gone"});
        default:
            return rule() + one_of({"", "", "", " ", "\t# why", "#why", " map=x\\ #", "\\" /* joins */});
        }
    }
    std::string rule() {
        std::string text = one_of({"", "", "", " "});
        const bool local = random_() % 3 == 0;
        text += local ? "local" : one_of({"host", "host", "hostssl", "hostnossl", "\"host\""});
        const auto next = [&](const std::string& field) {
            text += random_() % 12 == 0 ? " \\" + end_ + " " + field : gap() + field;
        };
        next(list(&Generator::database));
        next(list(&Generator::role));
        if (!local)
            next(one_of({"all", "0.0.0.0/0", "::/0", "10.0.0.0/8", "10.0.0.0 255.0.0.0", "127.0.0.1/32",
                         "::1/128", "samehost", "samenet", "db.example.org"}));
        next(one_of({"trust", "md5", "reject", "scram-sha-256", "\"md5\""}));
        next("map=" + std::to_string(++number_)); // so that each rule differs
        return text;
    }

    std::mt19937 random_;
    std::string end_;
    int number_ = 0;
};

} // namespace

TEST(HbaAtRandom, OnlyTheAllowedComeInAndAsBefore) {
    for (unsigned seed = 0; seed < 12000; ++seed) {
        const std::string text = Generator(seed).file();
        const char* const violated = violated_by_lock(text, seed * 2654435761u >> 8, seed);
        ASSERT_STREQ(violated, nullptr) << "seed " << seed << "\n" << text;
    }
}

TEST(HbaAtRandom, MostFilesAreTaken) {
    HbaWorld world = odd_world();
    Lockdown lockdown;
    lockdown.superusers.push_back("root");
    int taken = 0;
    for (unsigned seed = 0; seed < 500; ++seed) {
        try {
            lock({"f", text_of(Generator(seed).file())}, lockdown, dialect_of(160000), world);
            ++taken;
        } catch (const core::Error&) {
        }
    }
    EXPECT_GT(taken, 250);
}

} // namespace sessionctl::test
