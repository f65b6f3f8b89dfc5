#include "core/keep_out/cooldown.hpp"
#include "support.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <tuple>
#include <vector>

namespace sessionctl::test {

using core::ClientHost;
using core::Cooldown;
using core::CooldownSetter;
using core::CooldownTable;
using core::LoginKey;
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

constexpr CooldownSetter root = {10, true};
constexpr CooldownSetter operator_role = {20000, false};

/// As a call does it: what lasts longer already stays.
void put(CooldownTable& table, std::uint32_t role, const Origin& origin, core::Timestamp since,
         core::Timestamp until, const CooldownSetter& setter = root) {
    const LoginKey login = {role, origin};
    Cooldown& place = table.place_for(login, setter, since);
    if (place.is_running_at(since) && place.is_of(login, setter) && place.until >= until)
        return;
    place = {};
    place.login = login;
    place.setter = setter;
    place.since = since;
    place.until = until;
}

int running(const CooldownTable& table, core::Timestamp now) {
    return static_cast<int>(std::count_if(std::begin(table.places), std::end(table.places),
                                          [now](const Cooldown& each) { return each.is_running_at(now); }));
}

} // namespace

TEST(ClientHost, AddressesOfTwoFamiliesDiffer) {
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

TEST(ClientHost, MappedAddressIsAnIpv4Address) {
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

TEST(CooldownTable, FindsARunningCooldown) {
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

TEST(CooldownTable, OneForEachLogin) {
    const auto table = empty_table();
    for (core::Timestamp now = 1; now < 1000; ++now)
        put(*table, app, origin_of("web"), now, now + 100);
    EXPECT_EQ(running(*table, 1000), 1);
    EXPECT_EQ(table->find({app, origin_of("web")}, 1000)->since, 999);
}

TEST(CooldownTable, ReusesExpiredPlaces) {
    const auto table = empty_table();
    for (int i = 0; i < CooldownTable::capacity; ++i)
        put(*table, app + i, origin_of("web"), 1 + i, i == 77 ? 500 : 5000);
    put(*table, batch + CooldownTable::capacity, origin_of("web"), 600, 5000);
    EXPECT_EQ(running(*table, 600), CooldownTable::capacity);
    EXPECT_EQ(table->places[77].since, 600);
}

TEST(CooldownTable, ReplacesTheOldestWhenFull) {
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

TEST(CooldownTable, OneForEachSetter) {
    const auto table = empty_table();
    const LoginKey login = {app, origin_of("web")};
    const CooldownSetter root_with_less = {root.user, false};
    put(*table, app, login.origin, 1, 100, root);
    put(*table, app, login.origin, 2, 300, operator_role);
    put(*table, app, login.origin, 3, 200, root_with_less);
    EXPECT_EQ(running(*table, 4), 3);
    EXPECT_TRUE(table->find(login, 4)->setter == operator_role) << "the longest";
    put(*table, app, login.origin, 5, 400, operator_role);
    EXPECT_EQ(running(*table, 6), 3);
    EXPECT_EQ(table->find(login, 6)->until, 400);
    EXPECT_EQ(std::count_if(std::begin(table->places), std::end(table->places),
                            [](const Cooldown& each) { return each.setter == root && each.until == 100; }),
              1)
        << "another's is not prolonged";
}

TEST(CooldownTable, KeepsPlacesForSuperusers) {
    const auto table = empty_table();
    put(*table, app, origin_of("web"), 1, 100000);
    for (int i = 1; i < 1000; ++i)
        put(*table, batch + i, origin_of("own"), 1 + i, 100000, {batch + i % 7, false});
    EXPECT_EQ(running(*table, 2000), CooldownTable::capacity - CooldownTable::reserved + 1);
    EXPECT_NE(table->find({app, origin_of("web")}, 2000), nullptr);
    for (int i = 1; i < CooldownTable::reserved; ++i)
        put(*table, app + i, origin_of("web"), 2000 + i, 100000);
    EXPECT_EQ(running(*table, 3000), CooldownTable::capacity) << "nobody had to make room for them";
}

TEST(CooldownTable, ReplacesTheOldestOfTheLargestShare) {
    const auto table = empty_table();
    const CooldownSetter greedy = {20001, false};
    put(*table, app, origin_of("first"), 1, 100000, operator_role);
    for (int i = 0; i < 500; ++i)
        put(*table, app + i, origin_of("many"), 10 + i, 100000, greedy);
    EXPECT_NE(table->find({app, origin_of("first")}, 1000), nullptr);
    EXPECT_EQ(table->find({app + 404, origin_of("many")}, 1000), nullptr) << "its own oldest went";
    EXPECT_NE(table->find({app + 405, origin_of("many")}, 1000), nullptr);
    put(*table, batch, origin_of("second"), 1000, 100000, operator_role);
    EXPECT_EQ(table->find({app + 405, origin_of("many")}, 1000), nullptr);
    EXPECT_NE(table->find({batch, origin_of("second")}, 1000), nullptr);
}

namespace {

/// A plain model of the table: a list.
struct CooldownModel {
    struct Entry {
        int role;
        CooldownSetter setter;
        core::Timestamp since;
        core::Timestamp until;
    };
    std::vector<Entry> entries;

    /// Whose share: 0 is the superusers'.
    static std::uint32_t share(const CooldownSetter& setter) { return setter.is_superuser ? 0 : setter.user; }

    void expire(core::Timestamp now) {
        entries.erase(std::remove_if(entries.begin(), entries.end(),
                                     [now](const Entry& each) { return each.until <= now; }),
                      entries.end());
    }

    void make_room_for(const CooldownSetter& setter) {
        std::map<std::uint32_t, int> sizes;
        for (const Entry& each : entries)
            ++sizes[share(each.setter)];
        const int ordinary = static_cast<int>(entries.size()) - sizes[0];
        const bool is_full = entries.size() == CooldownTable::capacity;
        if (!is_full && (setter.is_superuser || ordinary < CooldownTable::capacity - CooldownTable::reserved))
            return;
        ++sizes[share(setter)];
        sizes[0] = std::max(sizes[0] - CooldownTable::reserved, 0);
        const auto loss =
            std::min_element(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
                const auto rank = [&](const Entry& each) {
                    return std::make_tuple(-sizes[share(each.setter)], share(each.setter) != share(setter),
                                           each.since);
                };
                return rank(a) < rank(b);
            });
        entries.erase(loss);
    }

    void put(int role, const CooldownSetter& setter, core::Timestamp now, core::Timestamp until) {
        for (Entry& each : entries)
            if (each.role == role && each.setter == setter) {
                if (each.until < until)
                    each = {role, setter, now, until};
                return;
            }
        make_room_for(setter);
        entries.push_back({role, setter, now, until});
    }

    core::Timestamp until(int role) const {
        core::Timestamp longest = 0;
        for (const Entry& each : entries)
            if (each.role == role)
                longest = std::max(longest, each.until);
        return longest;
    }
};

using Contents =
    std::vector<std::tuple<std::uint32_t, std::uint32_t, bool, core::Timestamp, core::Timestamp>>;

Contents contents(const CooldownTable& table, core::Timestamp now) {
    Contents list;
    for (const Cooldown& each : table.places)
        if (each.is_running_at(now))
            list.emplace_back(each.login.role, each.setter.user, each.setter.is_superuser, each.since,
                              each.until);
    std::sort(list.begin(), list.end());
    return list;
}

Contents contents(const CooldownModel& model) {
    Contents list;
    for (const CooldownModel::Entry& each : model.entries)
        list.emplace_back(each.role, each.setter.user, each.setter.is_superuser, each.since, each.until);
    std::sort(list.begin(), list.end());
    return list;
}

} // namespace

TEST(CooldownTable, AgreesWithAPlainList) {
    for (unsigned seed = 0; seed < 12; ++seed) {
        std::mt19937 random(seed);
        const auto table = empty_table();
        CooldownModel model;
        const unsigned setters = 1 + random() % 12;
        const unsigned roles = 20 + random() % 300;
        const unsigned longest = 50 + random() % 1000;
        for (core::Timestamp now = 1; now < 2000; now += 1 + (random() % 50 == 0 ? random() % 200 : 0)) {
            const CooldownSetter setter = {1 + static_cast<std::uint32_t>(random() % setters),
                                           random() % 3 == 0};
            const int role = static_cast<int>(random() % roles);
            const core::Timestamp until = now + 1 + random() % longest;
            model.expire(now);
            put(*table, role, Origin(), now, until, setter);
            model.put(role, setter, now, until);
            ASSERT_EQ(contents(*table, now), contents(model)) << "seed " << seed << " at " << now;
            const Cooldown* const found = table->find({static_cast<std::uint32_t>(role), Origin()}, now);
            ASSERT_NE(found, nullptr);
            ASSERT_EQ(found->until, model.until(role));
        }
    }
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
