#include "core/cooldown.hpp"
#include "support.hpp"

#include <algorithm>
#include <cstring>
#include <memory>

namespace sessionctl::test {

using core::ClientHost;
using core::Cooldown;
using core::CooldownTable;
using core::Origin;

namespace {

constexpr std::uint32_t app = 16384;
constexpr std::uint32_t batch = 16385;

Origin origin_of(const char* application, ClientHost host = ClientHost::local()) {
    Origin origin = {host, {}};
    origin.set_application(application);
    return origin;
}

ClientHost ipv4(unsigned char last) {
    const unsigned char bytes[4] = {10, 0, 0, last};
    return ClientHost::ipv4(bytes);
}

std::unique_ptr<CooldownTable> empty_table() {
    return std::unique_ptr<CooldownTable>(new CooldownTable());
}

void put(CooldownTable& table, std::uint32_t role, const Origin& origin, core::Timestamp since,
         core::Timestamp until) {
    Cooldown& place = table.place_for({role, origin}, since);
    place = {};
    place.login = {role, origin};
    place.since = since;
    place.until = until;
}

int running(const CooldownTable& table, core::Timestamp now) {
    return static_cast<int>(std::count_if(std::begin(table.places), std::end(table.places),
                                          [now](const Cooldown& each) { return each.is_running_at(now); }));
}

} // namespace

TEST(ClientHost, KnowsAddressesOfEachFamilyApart) {
    const unsigned char zero[16] = {};
    const unsigned char loopback[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    EXPECT_TRUE(ClientHost::local() == ClientHost::local());
    EXPECT_TRUE(ipv4(1) == ipv4(1));
    EXPECT_FALSE(ipv4(1) == ipv4(2));
    EXPECT_TRUE(ClientHost::ipv6(loopback) == ClientHost::ipv6(loopback));
    EXPECT_FALSE(ClientHost::ipv6(loopback) == ClientHost::ipv6(zero));
    EXPECT_FALSE(ClientHost::ipv6(zero) == ClientHost::ipv4(zero));
    EXPECT_FALSE(ClientHost::ipv4(zero) == ClientHost::local());
    EXPECT_FALSE(ClientHost::local() == ClientHost());
}

TEST(ClientHost, TakesAMappedAddressForWhatItMaps) {
    const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 7};
    const unsigned char translated[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 10, 0, 0, 7};
    EXPECT_TRUE(ClientHost::ipv6(mapped) == ipv4(7));
    EXPECT_FALSE(ClientHost::ipv6(translated) == ipv4(7));
}

TEST(Origin, HasTheNameInPrintableAsciiAndCutAsTheServerCutsIt) {
    EXPECT_STREQ(origin_of("gr\xC3\xB6\xC3\x9F"
                           "er \"x\" %s")
                     .application,
                 "gr????er \"x\" %s");
    EXPECT_STREQ(origin_of("two\nlines\t\x1b\x7f~ ").application, "two?lines???~ ");
    const std::string longest(63, 'x');
    EXPECT_EQ(origin_of(longest.c_str()).application, longest);
    EXPECT_TRUE(origin_of((longest + "y").c_str()) == origin_of((longest + "z").c_str()));
}

TEST(Origin, IsNameAndHost) {
    EXPECT_TRUE(origin_of("web") == origin_of("web"));
    EXPECT_FALSE(origin_of("web") == origin_of("Web"));
    EXPECT_FALSE(origin_of("web") == origin_of(""));
    EXPECT_TRUE(origin_of("") == origin_of(""));
    EXPECT_FALSE(origin_of("web", ipv4(1)) == origin_of("web", ipv4(2)));
}

TEST(CooldownTable, FindsWhatRuns) {
    const auto table = empty_table();
    EXPECT_EQ(table->find({app, origin_of("web")}, 0), nullptr);
    EXPECT_EQ(table->find({0, Origin()}, 0), nullptr);
    put(*table, app, origin_of("web"), 100, 200);
    ASSERT_NE(table->find({app, origin_of("web")}, 100), nullptr);
    EXPECT_EQ(table->find({app, origin_of("web")}, 199)->until, 200);
    EXPECT_EQ(table->find({app, origin_of("web")}, 200), nullptr);
    EXPECT_EQ(table->find({batch, origin_of("web")}, 100), nullptr);
    EXPECT_EQ(table->find({app, origin_of("psql")}, 100), nullptr);
    EXPECT_EQ(table->find({app, origin_of("web", ipv4(1))}, 100), nullptr);
}

TEST(CooldownTable, HasOneForEachLogin) {
    const auto table = empty_table();
    for (core::Timestamp now = 1; now < 1000; ++now)
        put(*table, app, origin_of("web"), now, now + 100);
    EXPECT_EQ(running(*table, 1000), 1);
    EXPECT_EQ(table->find({app, origin_of("web")}, 1000)->since, 999);
}

TEST(CooldownTable, ReusesThePlacesOfThoseThatAreOver) {
    const auto table = empty_table();
    for (int i = 0; i < CooldownTable::capacity; ++i)
        put(*table, app + i, origin_of("web"), 1 + i, i == 77 ? 500 : 5000);
    put(*table, batch + CooldownTable::capacity, origin_of("web"), 600, 5000);
    EXPECT_EQ(running(*table, 600), CooldownTable::capacity);
    EXPECT_EQ(table->places[77].since, 600);
}

TEST(CooldownTable, GivesUpTheOldestWhenAllRun) {
    const auto table = empty_table();
    // The oldest lasts longest.
    for (int i = 0; i < CooldownTable::capacity; ++i)
        put(*table, app + i, origin_of("web"), 1000 - i, 50000 + i);
    put(*table, 1, origin_of("web"), 2000, 60000);
    EXPECT_EQ(table->find({app + CooldownTable::capacity - 1, origin_of("web")}, 2000), nullptr);
    EXPECT_NE(table->find({app, origin_of("web")}, 2000), nullptr);
    EXPECT_NE(table->find({1, origin_of("web")}, 2000), nullptr);
    EXPECT_EQ(running(*table, 2000), CooldownTable::capacity);
}

TEST(CooldownTable, PrefersTheOwnPlaceEvenWhenItIsOver) {
    const auto table = empty_table();
    put(*table, app, origin_of("other"), 1, 10);
    put(*table, app, origin_of("web"), 2, 11);
    EXPECT_EQ(&table->place_for({app, origin_of("web")}, 100), &table->places[1]);
}

TEST(SecondsLeft, AreRoundedUp) {
    Cooldown cooldown = {};
    cooldown.until = seconds(100);
    EXPECT_EQ(core::seconds_left(cooldown, seconds(70)), 30);
    EXPECT_EQ(core::seconds_left(cooldown, seconds(70) + 1), 30);
    EXPECT_EQ(core::seconds_left(cooldown, seconds(71)), 29);
    EXPECT_EQ(core::seconds_left(cooldown, seconds(100) - 1), 1);
    EXPECT_EQ(core::seconds_left(cooldown, seconds(101)), 0);
}

} // namespace sessionctl::test
