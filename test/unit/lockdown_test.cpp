#include "core/keep_out/lockdown.hpp"
#include "support.hpp"

#include <random>
#include <vector>

namespace sessionctl::test {

using core::LoginSettings;
using core::read_lockdown;

namespace {

core::Lockdown sample() {
    core::Lockdown lockdown;
    lockdown.before = {7, true};
    lockdown.during = {0, true};
    lockdown.since = 123456789;
    lockdown.by = "O'Brien \"the\" = 100 %";
    lockdown.reason = "Wiederherstellung für Anna\nzwei";
    lockdown.pool = "pgbouncer";
    lockdown.pool_database = "shop";
    return lockdown;
}

std::string text_of(const core::Lockdown& lockdown) {
    return str(core::written(lockdown));
}

bool same(const core::Lockdown& a, const core::Lockdown& b) {
    return a.before == b.before && a.during == b.during && a.since == b.since && a.by == b.by &&
           a.reason == b.reason && a.pool == b.pool && a.pool_database == b.pool_database;
}

} // namespace

TEST(Lockdown, ReadsWhatItWrote) {
    const auto read = read_lockdown(text_of(sample()));
    ASSERT_TRUE(read);
    EXPECT_TRUE(same(*read, sample()));
    core::Lockdown bare;
    bare.during = {0, false};
    const auto again = read_lockdown(text_of(bare));
    ASSERT_TRUE(again);
    EXPECT_TRUE(same(*again, bare));
}

TEST(Lockdown, IsWrittenInOneLineOfAscii) {
    core::Lockdown lockdown = sample();
    lockdown.reason = "a b";
    lockdown.by = "ü";
    EXPECT_EQ(text_of(lockdown), "limit=7 open=yes locked_limit=0 locked_open=yes since=123456789 by=%C3%BC "
                                 "reason=a%20b pool=pgbouncer pool_database=shop");
    for (const char c : text_of(sample()))
        EXPECT_TRUE(c >= ' ' && c < 0x7F && c != '\'' && c != '"' && c != '\\') << static_cast<int>(c);
}

TEST(Lockdown, ReadsNothingElse) {
    const std::string good = text_of(sample());
    for (std::size_t length = 0; length < good.size(); ++length) {
        // Cut inside the last value it is a shorter name, not damage.
        if (length < good.rfind("pool_database=") + 14) {
            EXPECT_FALSE(read_lockdown(good.substr(0, length))) << length;
        }
    }
    const auto with = [&good](const char* what, const char* by) {
        std::string text = good;
        text.replace(text.find(what), std::strlen(what), by);
        return text;
    };
    EXPECT_TRUE(read_lockdown(with("limit=7", "limit=-1")));
    EXPECT_FALSE(read_lockdown(with("limit=7", "limit=-2")));
    EXPECT_FALSE(read_lockdown(with("limit=7", "limit=")));
    EXPECT_FALSE(read_lockdown(with("limit=7", "limit=7x")));
    EXPECT_FALSE(read_lockdown(with("limit=7", "limit=99999999999")));
    EXPECT_FALSE(read_lockdown(with("open=yes", "open=true")));
    EXPECT_FALSE(read_lockdown(with("by=O", "by=%0")));
    EXPECT_FALSE(read_lockdown(with("by=O", "by=%00")));
    EXPECT_FALSE(read_lockdown(with("by=O", "by=%G1")));
    EXPECT_FALSE(read_lockdown(with("pool=pgbouncer", "pool=%4")));
    const std::string since = good.substr(good.find("since="), good.find(" by=") - good.find("since="));
    for (const char* const time : {"-211813488000000000", "9223371331199999999"})
        EXPECT_TRUE(read_lockdown(with(since.c_str(), (std::string("since=") + time).c_str()))) << time;
    // The server refuses to show these.
    for (const char* const time : {"-211813488000000001", "9223371331200000000", "9223372036854775807"})
        EXPECT_FALSE(read_lockdown(with(since.c_str(), (std::string("since=") + time).c_str()))) << time;
    EXPECT_FALSE(read_lockdown(good + " more=1"));
    EXPECT_FALSE(read_lockdown(" " + good));
    EXPECT_FALSE(read_lockdown("7"));
}

TEST(Lockdown, ReadsNoNonsenseFromRandomText) {
    std::mt19937 random(7);
    const std::string good = text_of(sample());
    for (int round = 0; round < 20000; ++round) {
        std::string text = good;
        for (int change = 0; change < 3; ++change)
            text[random() % text.size()] = static_cast<char>(random());
        if (const auto read = read_lockdown(text)) {
            EXPECT_GE(read->before.limit, -1);
            EXPECT_TRUE(read_lockdown(text_of(*read)));
        }
    }
}

TEST(Renewed, FirstLockdownStoresThePreviousValues) {
    core::Lockdown second;
    second.before = {5, true};
    second.during = {0, true};
    EXPECT_EQ(core::renewed({}, second).before, (LoginSettings{5, true}));
    second.before = {0, true};
    EXPECT_EQ(core::renewed(sample(), second).before, (LoginSettings{7, true}));
    EXPECT_EQ(core::renewed(sample(), second).pool, "pgbouncer");
    EXPECT_EQ(core::renewed(sample(), second).pool_database, "shop");
    second.pool = "other";
    EXPECT_EQ(core::renewed(sample(), second).pool, "other");
}

TEST(Renewed, SecondLockdownThatRefusesMoreAddsToIt) {
    core::Lockdown second;
    second.before = {0, true};
    second.during = {0, false};
    const core::Lockdown both = core::renewed(sample(), second);
    EXPECT_EQ(both.before, (LoginSettings{7, true}));
    EXPECT_EQ(both.during, (LoginSettings{0, false}));
}

TEST(Renewed, SettingOpenedByHandIsTheNewPreviousValue) {
    core::Lockdown second;
    second.before = {20, true};
    second.during = {0, true};
    EXPECT_EQ(core::renewed(sample(), second).before, (LoginSettings{20, true}));
    core::Lockdown first = sample();
    first.before = {7, false};
    first.during = {0, false};
    second.before = {0, true};
    EXPECT_EQ(core::renewed(first, second).before, (LoginSettings{7, true}));
}

TEST(Restoration, PutsBackExactlyWhatWas) {
    const auto result = core::restoration(sample(), {0, true});
    EXPECT_EQ(result.settings, (LoginSettings{7, true}));
    EXPECT_FALSE(result.limit_was_changed);
    EXPECT_FALSE(result.permission_was_changed);
    core::Lockdown closed = sample();
    closed.during = {0, false};
    EXPECT_EQ(core::restoration(closed, {0, false}).settings, (LoginSettings{7, true}));
    closed.before = {-1, false};
    EXPECT_EQ(core::restoration(closed, {0, false}).settings, (LoginSettings{-1, false}));
}

TEST(Restoration, LeavesWhatWasChangedByHand) {
    const auto limit = core::restoration(sample(), {5, true});
    EXPECT_EQ(limit.settings, (LoginSettings{5, true}));
    EXPECT_TRUE(limit.limit_was_changed);
    EXPECT_FALSE(limit.permission_was_changed);
    const auto openness = core::restoration(sample(), {0, false});
    EXPECT_EQ(openness.settings, (LoginSettings{7, false}));
    EXPECT_FALSE(openness.limit_was_changed);
    EXPECT_TRUE(openness.permission_was_changed);
}

} // namespace sessionctl::test
