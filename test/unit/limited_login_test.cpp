#include "admission_fixture.hpp"

#include <set>

namespace sessionctl::test {

namespace {

/// Roles from 1000 on are members of the role that is their remainder.
int look_ups = 0;
bool is_member_in_test(std::uint32_t role, std::uint32_t of) {
    ++look_ups;
    return role == of || (role >= 1000 && role % 1000 == of);
}

struct LimitsInTest {
    std::unique_ptr<core::SessionLimitTable> table{new core::SessionLimitTable()};

    int set(const SessionLimit& limit) {
        const int number = table->number_for(limit.key);
        table->set(number, limit, {});
        return number;
    }
    std::set<int> of(const LimitedLogin& login) {
        look_ups = 0;
        std::set<int> numbers;
        core::limits_of(table->list, login, is_member_in_test).for_each([&](int number) {
            numbers.insert(number);
        });
        return numbers;
    }
};

LimitedLogin login_from(const core::ClientHost& host) {
    LimitedLogin login = login_by(test_role);
    login.origin.host = host;
    return login;
}

core::ClientHost ipv4_host(unsigned char first) {
    const unsigned char bytes[4] = {first, 0, 0, 1};
    return core::ClientHost::ipv4(bytes);
}

} // namespace

TEST(LimitedLogin, CountsWhereAllPartsMatch) {
    LimitsInTest limits;
    const int server = limits.set(limit_of(100));
    const int role = limits.set(limit_of_role(50, test_role));
    SessionLimit limit = limit_of(20);
    limit.key.database = test_database;
    const int database = limits.set(limit);
    core::set_application(limit.key, "web");
    const int both = limits.set(limit);
    limit.key.role = test_role;
    const int all = limits.set(limit);
    EXPECT_EQ(limits.of(login_by(test_role)), (std::set<int>{server, role, database, both, all}));
    EXPECT_EQ(limits.of(login_by(test_role, "job")), (std::set<int>{server, role, database}));
    EXPECT_EQ(limits.of(login_by(test_role, "web", 6)), (std::set<int>{server, role}));
    EXPECT_EQ(limits.of(login_by(7)), (std::set<int>{server, database, both}));
    EXPECT_EQ(limits.of(login_by(7, "", 0)), (std::set<int>{server})) << "of no database that exists";
}

TEST(LimitedLogin, CountsForRolesThatItIsAMemberOf) {
    LimitsInTest limits;
    const int group = limits.set(limit_of_role(50, 7));
    EXPECT_EQ(limits.of(login_by(2007)), std::set<int>{group});
    EXPECT_EQ(limits.of(login_by(7)), std::set<int>{group});
    EXPECT_TRUE(limits.of(login_by(2008)).empty());
}

TEST(LimitedLogin, AMembershipIsLookedUpOnce) {
    LimitsInTest limits;
    SessionLimit limit = limit_of_role(50, 7);
    const int first = limits.set(limit);
    limit.key.per = LimitPer::application;
    const int second = limits.set(limit);
    core::set_application(limit.key, "web");
    limit.key.per = LimitPer::none;
    const int third = limits.set(limit);
    limits.set(limit_of_role(50, 8));
    EXPECT_EQ(limits.of(login_by(2007)), (std::set<int>{first, second, third}));
    EXPECT_EQ(look_ups, 2) << "of the one role and of the other";
    EXPECT_EQ(limits.of(login_by(2007, "job")), (std::set<int>{first, second}));
    EXPECT_TRUE(limits.of(login_by(2009)).empty());
    EXPECT_EQ(look_ups, 2);
}

TEST(LimitedLogin, WithoutALimitByRoleNothingIsLookedUp) {
    LimitsInTest limits;
    limits.set(limit_of(100));
    SessionLimit limit = limit_of(20);
    limit.key.per = LimitPer::role;
    limits.set(limit);
    limit = limit_of_role(5, 7);
    core::set_application(limit.key, "job");
    limits.set(limit);
    EXPECT_EQ(limits.of(login_by(2007)).size(), 2u);
    EXPECT_EQ(look_ups, 0) << "of the other application";
}

TEST(LimitedLogin, NoNameOfAnApplicationIsAName) {
    LimitsInTest limits;
    SessionLimit limit = limit_of(20);
    core::set_application(limit.key, "");
    const int without = limits.set(limit);
    EXPECT_EQ(limits.of(login_by(test_role, "")), std::set<int>{without});
    EXPECT_TRUE(limits.of(login_by(test_role, "x")).empty());
}

TEST(LimitedLogin, NetworksAreOfClientsThatAreNotLocal) {
    LimitsInTest limits;
    SessionLimit limit = limit_of(20);
    const unsigned char bytes[4] = {10, 0, 0, 0};
    limit.key.client = core::ClientNetwork::ipv4(bytes, 8);
    const int network = limits.set(limit);
    limit.key.client = core::ClientNetwork::ipv4(bytes, 0);
    const int all = limits.set(limit);
    EXPECT_EQ(limits.of(login_from(ipv4_host(10))), (std::set<int>{network, all}));
    EXPECT_EQ(limits.of(login_from(ipv4_host(11))), std::set<int>{all});
    EXPECT_TRUE(limits.of(login_from(core::ClientHost::local())).empty());
}

TEST(LimitedLogin, AWalsenderCountsOnlyForItsOwnRoleOrDatabase) {
    using core::Kind;
    LimitsInTest limits;
    limits.set(limit_of(100));
    SessionLimit limit = limit_of(10);
    core::set_application(limit.key, "web");
    limits.set(limit);
    const int role = limits.set(limit_of_role(50, test_role));
    limit = limit_of(20);
    limit.key.database = test_database;
    const int database = limits.set(limit);
    EXPECT_EQ(limits.of(login_by(test_role, "web", test_database, Kind::database_walsender)),
              (std::set<int>{role, database}));
    for (const Kind kind : {Kind::walsender, Kind::parallel_worker, Kind::autovacuum_worker,
                            Kind::background_worker, Kind::other})
        EXPECT_TRUE(limits.of(login_by(test_role, "web", test_database, kind)).empty());
}

TEST(LimitedLogin, PerDividesTheLimit) {
    const LimitedLogin one = login_by(1, "web", 5);
    EXPECT_TRUE(core::counts_together(LimitPer::none, one, login_by(2, "job", 6)));
    EXPECT_TRUE(core::counts_together(LimitPer::role, one, login_by(1, "job", 6)));
    EXPECT_FALSE(core::counts_together(LimitPer::role, one, login_by(2, "web", 5)));
    EXPECT_TRUE(core::counts_together(LimitPer::database, one, login_by(2, "job", 5)));
    EXPECT_FALSE(core::counts_together(LimitPer::database, one, login_by(1, "web", 6)));
    EXPECT_TRUE(core::counts_together(LimitPer::application, one, login_by(2, "web", 6)));
    EXPECT_FALSE(core::counts_together(LimitPer::application, one, login_by(1, "", 5)));
    EXPECT_TRUE(core::counts_together(LimitPer::client, one, login_by(2, "job", 6))) << "all local ones";
    EXPECT_FALSE(core::counts_together(LimitPer::client, one, login_from(ipv4_host(10))));
    EXPECT_FALSE(
        core::counts_together(LimitPer::client, login_from(ipv4_host(11)), login_from(ipv4_host(10))));
}

TEST(LimitedLogin, AlikeAreThoseThatTheSameLimitsCountTogether) {
    LimitsInTest limits;
    SessionLimit limit = limit_of(20);
    limit.key.per = LimitPer::role;
    limits.set(limit);
    const auto are_alike = [&](const LimitedLogin& one, const LimitedLogin& other) {
        return core::are_alike(limits.table->list,
                               core::limits_of(limits.table->list, one, is_member_in_test), one,
                               core::limits_of(limits.table->list, other, is_member_in_test), other);
    };
    EXPECT_TRUE(are_alike(login_by(1, "web"), login_by(1, "job", 6)));
    EXPECT_FALSE(are_alike(login_by(1), login_by(2)));
    limit = limit_of(20);
    core::set_application(limit.key, "job");
    limits.set(limit);
    EXPECT_FALSE(are_alike(login_by(1, "web"), login_by(1, "job")));
}

} // namespace sessionctl::test
