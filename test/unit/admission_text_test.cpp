#include "admission_fixture.hpp"
#include "core/admission/admission_text.hpp"

#include <cstring>

namespace sessionctl::test {

namespace {

using core::Counted;
using core::LimitNames;
using core::RefusedBecause;

constexpr LimitNames some_names = {"app", "jim", "shop", core::utf8};

std::string counted_by(const core::LimitKey& key, const LimitNames& names = some_names,
                       LimitedLogin login = login_by(1, "web")) {
    return Counted(key, login, names).text();
}

core::LimitAccount account_of(const char* by, const char* reason) {
    core::LimitAccount account = {};
    std::strcpy(account.by, by);
    std::strcpy(account.reason, reason);
    return account;
}

core::LimitKey key_of_network() {
    core::LimitKey key = {};
    const unsigned char bytes[4] = {10, 0, 0, 0};
    key.client = core::ClientNetwork::ipv4(bytes, 8);
    return key;
}

/// Nothing that ends a line or cuts a character.
void expect_one_line(const char* text, std::size_t size) {
    const std::string_view view(text);
    EXPECT_LT(view.size(), size);
    for (std::size_t i = 0; i < view.size();) {
        EXPECT_EQ(core::control_length(view.substr(i), core::Encoding::utf8), 0u) << view;
        const std::size_t length = core::utf8_length(view.substr(i));
        ASSERT_GT(length, 0u) << view;
        i += length;
    }
}

} // namespace

TEST(Counted, NamesWhomTheLimitCounts) {
    core::LimitKey key = {};
    EXPECT_EQ(counted_by(key), " on this server");
    key.role = 1;
    EXPECT_EQ(counted_by(key), " of role \"app\"");
    key.database = 5;
    EXPECT_EQ(counted_by(key), " of role \"app\" in database \"shop\"");
    core::set_application(key, "job");
    EXPECT_EQ(counted_by(key), " of role \"app\" in database \"shop\" with application \"job\"");
    key.client = key_of_network().client;
    EXPECT_EQ(counted_by(key),
              " of role \"app\" in database \"shop\" with application \"job\" from 10.0.0.0/8");
    core::LimitKey without = {};
    core::set_application(without, "");
    EXPECT_EQ(counted_by(without), " without the name of an application");
}

TEST(Counted, NamesTheValueOfThisLogin) {
    core::LimitKey key = {};
    key.per = LimitPer::role;
    EXPECT_EQ(counted_by(key), " of role \"jim\"");
    key.role = 1;
    EXPECT_EQ(counted_by(key), " of role \"jim\"") << "not the role that it is a member of";
    key.per = LimitPer::database;
    EXPECT_EQ(counted_by(key), " of role \"app\" in database \"shop\"");
    key.per = LimitPer::application;
    EXPECT_EQ(counted_by(key), " of role \"app\" with application \"web\"");
    EXPECT_EQ(counted_by(key, some_names, login_by(1, "")),
              " of role \"app\" without the name of an application");
    key.per = LimitPer::client;
    EXPECT_EQ(counted_by(key), " of role \"app\" from local sockets");
    key = key_of_network();
    key.per = LimitPer::client;
    LimitedLogin login = login_by(1);
    const unsigned char bytes[4] = {10, 9, 8, 7};
    login.origin.host = core::ClientHost::ipv4(bytes);
    EXPECT_EQ(counted_by(key, some_names, login), " from 10.9.8.7");
}

TEST(Counted, NamesAreShownSafely) {
    core::LimitKey key = {};
    key.role = 1;
    key.database = 5;
    EXPECT_EQ(counted_by(key, {nullptr, "jim", nullptr, core::utf8}),
              " of role that was dropped in database that was dropped");
    EXPECT_EQ(counted_by(key, {"a\nb", "jim", "gr\xf6", core::utf8}),
              " of role \"a\\x0ab\" in database \"gr\\xf6\"");
    const std::string longest(63, '\xf6');
    const std::string text = counted_by(key, {longest.c_str(), "jim", longest.c_str(), core::utf8});
    EXPECT_EQ(text.size(), std::strlen(" of role \"\" in database \"\"") + 2 * 4 * 63);
}

TEST(Refusal, NamesTheLimitTheNumberAndWhose) {
    SessionLimit limit = limit_of_role(5, 1);
    core::RefusalText text = core::refusal_of(limit, account_of("dba", "a tenant, #12"), login_by(1),
                                              some_names, 5, RefusedBecause::full);
    EXPECT_STREQ(text.message, "too many sessions of role \"app\"");
    EXPECT_STREQ(text.detail,
                 "5 sessions are connected, and the limit set by role \"dba\" is 5: a tenant, #12");
    EXPECT_STREQ(text.hint, "");
    limit.sessions = 0;
    text = core::refusal_of(limit, account_of("", ""), login_by(1), some_names, 1, RefusedBecause::full);
    EXPECT_STREQ(text.detail, "1 session is connected, and the limit is 0.");
}

TEST(Refusal, HintsAtWhyNow) {
    SessionLimit limit = limit_of(5);
    limit.wait = 5000;
    limit.evict_idle_for = 90000;
    const auto hint = [&](RefusedBecause because) {
        return std::string(
            core::refusal_of(limit, account_of("", ""), login_by(1), some_names, 5, because).hint);
    };
    EXPECT_EQ(hint(RefusedBecause::waited), "The login waited for a place for 5 s. Try again later.");
    EXPECT_EQ(hint(RefusedBecause::nobody_to_evict),
              "No session can make room: none that may be ended has been idle for 1.5 min. Try again later.");
    EXPECT_EQ(hint(RefusedBecause::too_many_wait),
              "The maximum number of logins is already waiting. Try again later.");
}

TEST(Refusal, ByRate) {
    SessionLimit limit = limit_of(5);
    limit.key.per = LimitPer::application;
    limit.login_rate = {50, 1};
    const core::RefusalText text =
        core::refusal_by_rate(limit, account_of("dba", "storm"), login_by(1, "web"), some_names);
    EXPECT_STREQ(text.message, "too many logins with application \"web\"");
    EXPECT_STREQ(text.detail, "The limit set by role \"dba\" is 50/s: storm");
    EXPECT_STREQ(text.hint, "Keep connections open, and wait before you try again.");
}

TEST(Refusal, ByReserve) {
    const core::RefusalText text = core::refusal_by_reserve({100, 3, 5, 0});
    EXPECT_STREQ(text.message, "remaining connection slots are reserved");
    EXPECT_STREQ(text.detail, "The last 5 are for the roles in pg_sessionctl.reserve_for.");
}

TEST(Refusal, HasRoomForTheLongest) {
    SessionLimit limit = limit_of_role(2147483647, 1);
    limit.key.database = 5;
    limit.login_rate = {10000, 60};
    core::set_application(limit.key, std::string(63, '"').c_str());
    core::LimitAccount account = {};
    std::memset(account.by, '\xf6', sizeof account.by - 1);
    std::memset(account.reason, '\n', sizeof account.reason - 1);
    const std::string name(63, '\xf6');
    const LimitNames names = {name.c_str(), name.c_str(), name.c_str(), core::utf8};
    const core::RefusalText text =
        core::refusal_of(limit, account, login_by(1), names, 2147483647, RefusedBecause::nobody_to_evict);
    expect_one_line(text.message, sizeof text.message - 1);
    expect_one_line(text.detail, sizeof text.detail - 1);
    const core::EvictionText eviction = core::eviction_text(day, Counted(limit.key, login_by(1), names));
    expect_one_line(eviction.detail, sizeof eviction.detail);
    const core::PassText pass = core::pass_text(limit, login_by(1), names, 5);
    expect_one_line(pass.message, sizeof pass.message - 1);
}

TEST(EvictionText, SaysWhy) {
    SessionLimit limit = limit_of_role(5, 1);
    core::EvictionText text = core::eviction_text(12 * minute, Counted(limit.key, login_by(1), some_names));
    EXPECT_STREQ(text.detail,
                 "The session was idle for 12 min, and another login needed its place: there are too "
                 "many sessions of role \"app\".");
    EXPECT_STREQ(text.hint, "Connect again, or close connections that are not needed.");
    text = core::eviction_text_for_slots(hour, {100, 3, 5, 4});
    EXPECT_STREQ(
        text.detail,
        "The session was idle for 1 h, and the server keeps slots free (pg_sessionctl.free_slots is 4).");
    EXPECT_STREQ(text.hint, "Connect again, or close connections that are not needed.");
}

TEST(EvictionText, IsCutBetweenCharacters) {
    SessionLimit limit = limit_of_role(5, 1);
    limit.key.database = 5;
    std::string name;
    for (int i = 0; i < 31; ++i)
        name.append("\xc3\xb6");
    for (int i = 0; i < 4; ++i) {
        const std::string longer =
            std::string(static_cast<std::size_t>(i), 'x') + std::string(60, '\xf6') + name;
        const LimitNames names = {longer.c_str(), "jim", longer.c_str(), core::utf8};
        const core::EvictionText text = core::eviction_text(day, Counted(limit.key, login_by(1), names));
        expect_one_line(text.detail, sizeof text.detail);
    }
}

TEST(PassText, IsForTheLog) {
    EXPECT_STREQ(
        core::pass_text(limit_of_role(5, 1), login_by(1), some_names, 7).message,
        "superuser \"jim\" logged in above a session limit: 7 sessions are connected of role \"app\", the "
        "limit is 5");
}

} // namespace sessionctl::test
