#include "core/admission/session_limit_file.hpp"
#include "support.hpp"

#include <cstring>
#include <memory>
#include <vector>

namespace sessionctl::test {

using core::LimitAccount;
using core::LimitKey;
using core::LimitPer;
using core::SessionLimit;
using core::SessionLimitTable;
using core::WhenFull;

namespace {

using TablePointer = std::unique_ptr<SessionLimitTable>;

TablePointer empty_limits() {
    return TablePointer(new SessionLimitTable());
}

SessionLimit role_limit(std::uint32_t role, std::int32_t sessions) {
    SessionLimit limit = {};
    limit.key.role = role;
    limit.sessions = sessions;
    limit.evict_idle_for = core::default_evict_idle_for;
    return limit;
}

void put(SessionLimitTable& table, const SessionLimit& limit, const LimitAccount& account = {}) {
    table.set(table.number_for(limit.key), limit, account);
}

/// All that can be set.
SessionLimit full_limit() {
    SessionLimit limit = {};
    const unsigned char bytes[4] = {10, 0, 0, 0};
    limit.key = {16384, 4294967295, core::ClientNetwork::ipv4(bytes, 8), LimitPer::role, false, {}};
    core::set_application(limit.key, "we\"b \\ #");
    limit.sessions = 50;
    limit.when_full = WhenFull::evict;
    limit.evict_idle_for = 90000;
    limit.login_rate = {50, 1};
    return limit;
}

LimitAccount full_account() {
    LimitAccount account = {};
    account.set_by = 10;
    account.since = seconds(817214400) + 123456;
    std::strcpy(account.by, "duty \"x\" \\ ä");
    std::strcpy(account.reason, "line\none, \x1b, 100 % größer # end");
    return account;
}

std::string text_of(const SessionLimitTable& table) {
    std::vector<char> text(core::largest_limit_file);
    const std::size_t length = core::write_limit_file(table, text.data(), text.size());
    EXPECT_LT(length, text.size() - 1) << "it was cut";
    return {text.data(), length};
}

void expect_same_limit(const SessionLimit& a, const SessionLimit& b) {
    EXPECT_TRUE(a.key == b.key);
    EXPECT_EQ(a.sessions, b.sessions);
    EXPECT_EQ(a.when_full, b.when_full);
    EXPECT_EQ(a.wait, b.wait);
    EXPECT_EQ(a.evict_idle_for, b.evict_idle_for);
    EXPECT_TRUE(a.login_rate == b.login_rate);
}

/// Whatever their numbers.
void expect_same_table(const SessionLimitTable& a, const SessionLimitTable& b) {
    int count_a = 0, count_b = 0;
    b.list.numbers.for_each([&](int) { ++count_b; });
    a.list.numbers.for_each([&](int number) {
        ++count_a;
        const int other = b.find(a.list[number].key);
        ASSERT_GE(other, 0);
        expect_same_limit(a.list[number], b.list[other]);
        EXPECT_EQ(a.accounts[number].set_by, b.accounts[other].set_by);
        EXPECT_EQ(a.accounts[number].since, b.accounts[other].since);
        EXPECT_STREQ(a.accounts[number].by, b.accounts[other].by);
        EXPECT_STREQ(a.accounts[number].reason, b.accounts[other].reason);
    });
    EXPECT_EQ(count_a, count_b);
}

void expect_kept_limits(const SessionLimitTable& table) {
    const TablePointer read = empty_limits();
    ASSERT_TRUE(core::read_limit_file(text_of(table), *read)) << text_of(table);
    expect_same_table(table, *read);
}

bool is_readable_limits(std::string_view text) {
    const TablePointer table = empty_limits();
    put(*table, role_limit(1, 1));
    const bool is_read = core::read_limit_file(text, *table);
    EXPECT_TRUE(is_read || table->list.are_none()) << "a damaged file leaves no limit in force";
    return is_read;
}

} // namespace

TEST(SessionLimitTable, ALimitKeepsItsNumber) {
    const TablePointer table = empty_limits();
    EXPECT_TRUE(table->list.are_none());
    for (std::uint32_t role = 100; role < 103; ++role)
        put(*table, role_limit(role, 5));
    const int number = table->find(role_limit(101, 5).key);
    table->remove(table->find(role_limit(100, 0).key));
    EXPECT_EQ(table->find(role_limit(100, 5).key), -1);
    EXPECT_EQ(table->find(role_limit(101, 5).key), number);
    put(*table, role_limit(101, 7));
    EXPECT_EQ(table->find(role_limit(101, 5).key), number);
    EXPECT_EQ(table->list[number].sessions, 7);
}

TEST(SessionLimitTable, EachChangeGivesItAnotherVersion) {
    const TablePointer table = empty_limits();
    const std::uint32_t first = table->list.version;
    put(*table, role_limit(100, 5));
    const std::uint32_t second = table->list.version;
    EXPECT_NE(first, second);
    put(*table, role_limit(100, 6));
    EXPECT_NE(table->list.version, second);
    const std::uint32_t third = table->list.version;
    table->remove(table->find(role_limit(100, 6).key));
    EXPECT_NE(table->list.version, third);
    EXPECT_TRUE(table->list.are_none());
}

TEST(SessionLimitTable, HasRoomForAtLeast256) {
    const TablePointer table = empty_limits();
    static_assert(core::SessionLimits::capacity >= 256);
    for (int i = 0; i < core::SessionLimits::capacity; ++i)
        put(*table, role_limit(100 + i, i));
    const core::Error error = error_of([&] { put(*table, role_limit(9999, 5)); });
    EXPECT_STREQ(error.sqlstate(), "54000");
    EXPECT_STREQ(error.what(), "there can be at most 256 session limits");
    put(*table, role_limit(150, 77));
    EXPECT_EQ(table->list[table->find(role_limit(150, 0).key)].sessions, 77) << "one that is there";
    table->remove(table->find(role_limit(120, 0).key));
    put(*table, role_limit(9999, 5));
    expect_kept_limits(*table);
}

TEST(SessionLimitFile, KeepsEverything) {
    const TablePointer table = empty_limits();
    expect_kept_limits(*table);
    put(*table, full_limit(), full_account());
    put(*table, SessionLimit{{}, 0, WhenFull::wait, 1, core::default_evict_idle_for, {}});
    SessionLimit limit = role_limit(7, INT32_MAX);
    core::set_application(limit.key, "");
    limit.key.per = LimitPer::client;
    put(*table, limit);
    expect_kept_limits(*table);
}

TEST(SessionLimitFile, HasRoomForTheLargest) {
    const TablePointer table = empty_limits();
    SessionLimit limit = full_limit();
    LimitAccount account = full_account();
    core::set_application(limit.key, std::string(63, '"').c_str());
    std::memset(account.by, '\x01', sizeof account.by - 1);
    std::memset(account.reason, '\x01', sizeof account.reason - 1);
    limit.sessions = INT32_MAX;
    limit.login_rate = {10000, 60};
    for (int i = 0; i < core::SessionLimits::capacity; ++i) {
        limit.key.role = 4294967295U - i;
        put(*table, limit, account);
    }
    expect_kept_limits(*table);
    std::string text = text_of(*table);
    text.insert(text.rfind("end\n"), "limit 5\nrole 1\n");
    EXPECT_FALSE(is_readable_limits(text)) << "one too many";
}

TEST(SessionLimitFile, IsReadableText) {
    const TablePointer table = empty_limits();
    put(*table, full_limit(), full_account());
    const std::string text = text_of(*table);
    EXPECT_EQ(text.find("pg_sessionctl limits 1\n# The session limits of this server."), 0u);
    EXPECT_NE(
        text.find("\n\nlimit 50\nrole 16384\ndatabase 4294967295\napplication \"we\\\"b \\\\ #\"\n"
                  "client 10.0.0.0/8\nper role\nwhen_full evict\nevict_idle_for 90000 ms\nlogin_rate 50/s\n"
                  "set_by 10\nsince 2025-11-23 12:00:00.123456 UTC\nby \"duty"),
        std::string::npos)
        << text;
    EXPECT_EQ(text.substr(text.size() - 5), "\nend\n");
}

TEST(SessionLimitFile, AnyCutOffEndIsDamage) {
    const TablePointer table = empty_limits();
    put(*table, full_limit(), full_account());
    put(*table, role_limit(5, 5));
    const std::string whole = text_of(*table);
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(is_readable_limits(whole.substr(0, length))) << length;
    EXPECT_TRUE(is_readable_limits(whole));
    EXPECT_FALSE(is_readable_limits(whole + "\n"));
    EXPECT_FALSE(is_readable_limits(whole + '\0'));
}

TEST(SessionLimitFile, WhatIsNotUnderstoodIsDamage) {
    const std::string first = "pg_sessionctl limits 1\n";
    EXPECT_TRUE(is_readable_limits(first + "end\n"));
    EXPECT_TRUE(is_readable_limits(first + "# hello\n\nlimit 5\nwhen_full refuse\nend\n"));
    for (const char* const line : {"role 0",
                                   "role -1",
                                   "role 4294967296",
                                   "role x",
                                   "database 0",
                                   "database",
                                   "application web",
                                   "application \"gr\"er\"",
                                   "client 10.0.0.0",
                                   "client 10.0.0.1/8",
                                   "per",
                                   "per none",
                                   "per user",
                                   "when_full",
                                   "when_full kill",
                                   "wait 5",
                                   "wait -5 ms",
                                   "wait 99999999 ms",
                                   "evict_idle_for 5 s",
                                   "evict_idle_for 86400001 ms",
                                   "login_rate 0/s",
                                   "login_rate 5",
                                   "set_by 0",
                                   "since",
                                   "since today",
                                   "by x",
                                   "reason",
                                   "reason \"\\n\"",
                                   "limit",
                                   "limit -1",
                                   "limit x",
                                   "limit 2147483648",
                                   "sessions 5",
                                   "END",
                                   " "})
        EXPECT_FALSE(is_readable_limits(first + "limit 5\n" + line + "\nend\n")) << line;
    EXPECT_FALSE(is_readable_limits(first + "role 5\nend\n")) << "of which limit?";
    EXPECT_FALSE(is_readable_limits(first + "limit 5\nlimit 6\nend\n")) << "the same twice";
    EXPECT_FALSE(is_readable_limits(first + "limit 5\napplication \"" + std::string(64, 'x') + "\"\nend\n"));
    for (const char* const text :
         {"", "\n", "end\n", "pg_sessionctl limits 2\nend\n", "pg_sessionctl gate 1\nend\n",
          "pg_sessionctl limits 1", "pg_sessionctl limits 1\r\nend\r\n"})
        EXPECT_FALSE(is_readable_limits(text)) << text;
}

} // namespace sessionctl::test
