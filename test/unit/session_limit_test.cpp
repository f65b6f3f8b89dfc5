#include "core/admission/session_limit.hpp"
#include "support.hpp"

#include <cstring>

namespace sessionctl::test {

using core::LimitPer;
using core::SessionLimit;
using core::WhenFull;

namespace {

SessionLimit plain_limit() {
    SessionLimit limit = {};
    limit.sessions = 5;
    limit.evict_idle_for = core::default_evict_idle_for;
    return limit;
}

template <typename Value>
SessionLimit limit_with(Value SessionLimit::*option, Value value, WhenFull when_full) {
    SessionLimit limit = plain_limit();
    limit.when_full = when_full;
    limit.*option = value;
    return limit;
}

core::Error error_of_limit(const SessionLimit& limit) {
    return error_of([&] { core::check_session_limit(limit); });
}

core::Interval interval_of(core::Timestamp microseconds) {
    return {microseconds, 0, 0, false};
}

} // namespace

TEST(SessionLimit, ItsWordsHaveNames) {
    expect_names(core::when_full_name, {"refuse", "wait", "evict"});
    EXPECT_EQ(core::limit_per_name(LimitPer::none), nullptr);
    for (const char* const word : {"role", "database", "application", "client"})
        EXPECT_STREQ(core::limit_per_name(core::checked_limit_per(word)), word);
    for (const char* const word : {"refuse", "wait", "evict"})
        EXPECT_STREQ(core::when_full_name(core::checked_when_full(word)), word);
}

TEST(SessionLimit, RefusesOtherWords) {
    for (const char* const word : {"", "Role", "roles", "user", "role "}) {
        const core::Error error = error_of([=] { core::checked_limit_per(word); });
        EXPECT_STREQ(error.sqlstate(), "22023");
        EXPECT_EQ(std::string(error.what()), std::string("unrecognized per \"") + word + "\"");
        EXPECT_NE(std::string(error.hint()).find("'client'"), std::string::npos);
    }
    const core::Error error = error_of([] { core::checked_when_full("kill"); });
    EXPECT_STREQ(error.sqlstate(), "22023");
    EXPECT_STREQ(error.what(), "unrecognized when_full \"kill\"");
    EXPECT_NE(std::string(error.hint()).find("'evict'"), std::string::npos);
}

TEST(SessionLimit, SessionsAreNotNegative) {
    EXPECT_EQ(core::checked_sessions(0), 0);
    EXPECT_EQ(core::checked_sessions(INT32_MAX), INT32_MAX);
    const core::Error error = error_of([] { core::checked_sessions(-1); });
    EXPECT_STREQ(error.sqlstate(), "22023");
    EXPECT_NE(std::string(error.hint()).find("unlimit_sessions"), std::string::npos);
}

TEST(SessionLimit, ApplicationIsWhatTheServerKeepsOfIt) {
    core::LimitKey key = {};
    core::set_application(key, std::string(63, 'x').c_str());
    EXPECT_TRUE(key.has_application);
    EXPECT_EQ(std::string(key.application), std::string(63, 'x'));
    core::set_application(key, "a \"b\" ~");
    EXPECT_STREQ(key.application, "a \"b\" ~");
    EXPECT_EQ(key.application[20], '\0') << "nothing is left of the longer one";
    core::set_application(key, "");
    EXPECT_TRUE(key.has_application);
    EXPECT_STREQ(key.application, "");
    EXPECT_STREQ(error_of([&] { core::set_application(key, std::string(64, 'x').c_str()); }).sqlstate(),
                 "42622");
    for (const char* const text : {"gr\xc3\xb6\xc3\x9f"
                                   "er",
                                   "tab\t", "\x7f"})
        EXPECT_STREQ(error_of([&] { core::set_application(key, text); }).sqlstate(), "22023") << text;
}

TEST(SessionLimit, EvictIdleForHasBounds) {
    EXPECT_EQ(core::checked_evict_idle_for(interval_of(0)), 0);
    EXPECT_EQ(core::checked_evict_idle_for(interval_of(seconds(90))), 90000);
    EXPECT_EQ(core::checked_evict_idle_for({0, 1, 0, false}), core::day_ms);
    for (const core::Interval& wrong : {interval_of(-1), interval_of(day + 1), core::Interval{0, 0, 1, false},
                                        core::Interval{1, 0, 0, true}}) {
        const core::Error error = error_of([&] { core::checked_evict_idle_for(wrong); });
        EXPECT_STREQ(error.sqlstate(), "22023");
        EXPECT_NE(std::string(error.hint()).find("'1 day'"), std::string::npos);
    }
}

TEST(SessionLimit, OptionsGoTogether) {
    core::check_session_limit(plain_limit());
    core::check_session_limit(limit_with(&SessionLimit::wait, 5000, WhenFull::wait));
    core::check_session_limit(limit_with(&SessionLimit::evict_idle_for, 0, WhenFull::evict));
    core::check_session_limit(limit_with(&SessionLimit::evict_idle_for, 60000, WhenFull::evict));
    EXPECT_STREQ(error_of_limit(limit_with(&SessionLimit::wait, 0, WhenFull::wait)).what(),
                 "when_full 'wait' needs wait");
    for (const WhenFull when_full : {WhenFull::refuse, WhenFull::evict})
        EXPECT_STREQ(error_of_limit(limit_with(&SessionLimit::wait, 1, when_full)).what(),
                     "wait needs when_full 'wait'");
    for (const WhenFull when_full : {WhenFull::refuse, WhenFull::wait}) {
        SessionLimit limit = limit_with(&SessionLimit::evict_idle_for, 0, when_full);
        limit.wait = when_full == WhenFull::wait ? 1 : 0;
        EXPECT_STREQ(error_of_limit(limit).what(), "evict_idle_for needs when_full 'evict'");
    }
}

TEST(SessionLimit, PerNeedsSeveralValues) {
    SessionLimit limit = plain_limit();
    limit.key.role = 16384;
    limit.key.per = LimitPer::role;
    core::check_session_limit(limit); // each member of the role
    limit.key.per = LimitPer::client;
    core::check_session_limit(limit);
    limit.key.database = 5;
    limit.key.per = LimitPer::database;
    EXPECT_STREQ(error_of_limit(limit).what(), "per 'database' does not go together with one database");
    core::set_application(limit.key, "web");
    limit.key.per = LimitPer::application;
    EXPECT_STREQ(error_of_limit(limit).what(), "per 'application' does not go together with one application");
    EXPECT_STREQ(error_of_limit(limit).sqlstate(), "22023");
}

TEST(LimitKey, IsAllFiveParts) {
    const core::LimitKey whole_server = {};
    EXPECT_TRUE(whole_server.is_whole_server());
    EXPECT_TRUE(whole_server == core::LimitKey{});
    core::LimitKey key = whole_server;
    key.role = 1;
    EXPECT_FALSE(key.is_whole_server());
    EXPECT_TRUE(key != whole_server);
    key = whole_server;
    key.database = 1;
    EXPECT_FALSE(key.is_whole_server());
    EXPECT_TRUE(key != whole_server);
    key = whole_server;
    core::set_application(key, "");
    EXPECT_FALSE(key.is_whole_server());
    EXPECT_TRUE(key != whole_server) << "no name is a name";
    core::LimitKey web = whole_server;
    core::set_application(web, "web");
    EXPECT_TRUE(key != web);
    key = whole_server;
    const unsigned char bytes[4] = {10, 0, 0, 0};
    key.client = core::ClientNetwork::ipv4(bytes, 8);
    EXPECT_FALSE(key.is_whole_server());
    EXPECT_TRUE(key != whole_server);
    key = whole_server;
    key.per = LimitPer::role;
    EXPECT_TRUE(key.is_whole_server()) << "each role of it";
    EXPECT_TRUE(key != whole_server);
}

} // namespace sessionctl::test
