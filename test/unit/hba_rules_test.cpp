// The rules of pg_hba.conf, each narrowed to the allowed roles.

#include "hba_fixture.hpp"

namespace sessionctl::test {

TEST_F(Hba, NarrowsTheRolesOfARule) {
    allow("bob");
    expect_roles({{"all", "\"bob\",\"root\""},
                  {"root,alice,bob", "\"bob\",\"root\""},
                  {"alice", ""},
                  {"\"bob\"", "\"bob\""},
                  {"Bob", ""}, // case matters
                  {"alice, bob", "\"bob\""}});
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
    expect_roles({{"\"all\"", ""},
                  {"a\"ll\"", "\"root\""}, // quoted later than at its start
                  {"sameuser", ""}});
    allow("all");
    expect_roles({{"\"all\"", "\"all\""}});
}

TEST_F(Hba, AsksTheServerForMembers) {
    allow("bob");
    expect_roles({{"+staff", "\"bob\""}, {"+nobody", ""}, {"\"+staff\"", ""}}); // the last is a name
    allow("+staff");
    expect_roles({{"\"+staff\"", "\"+staff\""}});
    allow("carol");
    expect_roles({{"+\"odd group\"", "\"carol\""}});
}

TEST_F(Hba, AllowsMembersOfAllowedRoles) {
    allow("staff");
    expect_roles({{"all", "\"alice\",\"bob\",\"dba\",\"root\",\"staff\""},
                  {"alice,carol", "\"alice\""},
                  {"+dba", "\"alice\",\"dba\""}});
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
    expect_roles({{"@admins", "\"carol\",\"root\""},
                  {"@nested", "\"carol\",\"root\""},
                  {"bob,@\"admins\"", "\"carol\",\"root\""},
                  {"\"@admins\"", ""}, // a name
                  {"@", ""}});         // a name
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

TEST_F(Hba, MemberThatCannotBeWrittenIsLeftOut) {
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

TEST_F(Hba, KeepsTypeAddressMethodAndOptionsAsWritten) {
    for (const std::string type : {"host", "hostssl", "hostnossl", "hostgssenc", "hostnogssenc"})
        for (const std::string rest :
             {"127.0.0.1/32 md5", "10.0.0.0 \t 255.0.0.0\tscram-sha-256", "::1/128 trust", "samehost trust",
              "samenet trust", "all reject", ".example.org md5", "\"all\" md5",
              "::/0 ldap ldapserver=a ldapprefix=\"cn=, # x\" ldapsuffix=\", dc=\"\"x\"\"\"",
              "0.0.0.0/0 cert map=m clientcert=verify-full"})
            EXPECT_EQ(rule(type + "\tall\t all   " + rest + "   # why"), type + " all \"root\" " + rest);
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

} // namespace sessionctl::test
