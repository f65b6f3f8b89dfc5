#include "core/keep_out/gate.hpp"
#include "support.hpp"

#include <algorithm>
#include <cstring>

namespace sessionctl::test {

using core::Admission;
using core::GateState;
using core::Login;

namespace {

using core::Kind;

constexpr Login stranger = {};
constexpr Login walsender = {Kind::walsender, false, false};
constexpr Login database_walsender = {Kind::database_walsender, false, false};
constexpr Login superuser = {Kind::client, true, false};
constexpr Login allowed = {Kind::client, false, true};

GateState closed() {
    GateState state = {};
    state.is_closed = true;
    return state;
}

/// Closed to superusers as well, or to replication.
GateState closed_to(bool GateState::*included) {
    GateState state = closed();
    state.*included = true;
    return state;
}

/// All that can be set, with what is hard to write in its texts.
GateState full() {
    GateState state = closed();
    state.since = seconds(817214400) + 123456;
    state.until = seconds(900000000);
    state.hold = 30000;
    state.include_superusers = true;
    state.include_replication = true;
    state.allow_roles[state.role_count++] = 16384;
    state.allow_roles[state.role_count++] = 4294967295;
    std::strcpy(state.by, "duty \"x\" \\ ä");
    std::strcpy(state.reason, "line\none, \x1b, 100 % größer # end");
    return state;
}

std::string text_of(const GateState& state) {
    return std::string(core::gate_file_of(state).view());
}

bool is_readable(std::string_view text) {
    GateState state = {};
    return core::read_gate_file(text, state);
}

void expect_same(const GateState& a, const GateState& b) {
    EXPECT_EQ(a.is_closed, b.is_closed);
    EXPECT_EQ(a.include_superusers, b.include_superusers);
    EXPECT_EQ(a.include_replication, b.include_replication);
    EXPECT_EQ(a.hold, b.hold);
    EXPECT_EQ(a.since, b.since);
    EXPECT_EQ(a.until, b.until);
    ASSERT_EQ(a.role_count, b.role_count);
    for (int i = 0; i < a.role_count; ++i)
        EXPECT_EQ(a.allow_roles[i], b.allow_roles[i]);
    EXPECT_STREQ(a.by, b.by);
    EXPECT_STREQ(a.reason, b.reason);
}

void expect_kept(const GateState& state) {
    GateState read = {};
    ASSERT_TRUE(core::read_gate_file(text_of(state), read)) << text_of(state);
    expect_same(state, read);
}

core::Interval in_seconds(std::int64_t n) {
    return {seconds(n), 0, 0, false};
}

} // namespace

TEST(Gate, AdmitsSuperusersAllowedRolesAndWalsenders) {
    EXPECT_FALSE(core::admits(closed(), stranger));
    EXPECT_TRUE(core::admits(closed(), superuser));
    EXPECT_TRUE(core::admits(closed(), allowed));
    EXPECT_TRUE(core::admits(closed(), walsender));
}

TEST(Gate, ShutsOutSuperusersOnlyWhenTold) {
    GateState state = closed_to(&GateState::include_superusers);
    EXPECT_FALSE(core::admits(state, superuser));
    EXPECT_TRUE(core::admits(state, {Kind::client, true, true})) << "one that is allowed by name";
    EXPECT_TRUE(core::admits(state, {Kind::walsender, true, false})) << "its walsender";
    EXPECT_FALSE(core::admits(state, {Kind::database_walsender, true, false})) << "but not to a database";
}

TEST(Gate, ShutsOutWalsendersOnlyWhenTold) {
    GateState state = closed_to(&GateState::include_replication);
    EXPECT_FALSE(core::admits(state, walsender));
    EXPECT_TRUE(core::admits(state, {Kind::walsender, true, false})) << "a superuser's";
    EXPECT_TRUE(core::admits(state, {Kind::walsender, false, true})) << "an allowed role's";
}

TEST(Gate, AWalsenderWithADatabaseIsALoginLikeAnyOther) {
    EXPECT_FALSE(core::admits(closed(), database_walsender));
    EXPECT_TRUE(core::admits(closed(), {Kind::database_walsender, true, false})) << "a superuser's";
    EXPECT_TRUE(core::admits(closed(), {Kind::database_walsender, false, true})) << "an allowed role's";
    GateState state = closed_to(&GateState::include_replication);
    EXPECT_TRUE(core::admits(state, {Kind::database_walsender, true, false})) << "a superuser's still";
}

TEST(Gate, NeverHoldsAWalsender) {
    GateState state = closed();
    state.hold = 500;
    EXPECT_EQ(core::admission_of(state, database_walsender, 0, 0), Admission::refuse);
    EXPECT_EQ(core::admission_of(state, walsender, 0, 0), Admission::admit);
    state.include_replication = true;
    EXPECT_EQ(core::admission_of(state, walsender, 0, 0), Admission::refuse);
}

TEST(Gate, OpensByItself) {
    GateState state = closed();
    EXPECT_EQ(core::admission_of(state, stranger, seconds(100), 0), Admission::refuse);
    state.until = seconds(100);
    EXPECT_EQ(core::admission_of(state, stranger, seconds(100) - 1, 0), Admission::refuse);
    EXPECT_EQ(core::admission_of(state, stranger, seconds(100), 0), Admission::admit);
    EXPECT_EQ(core::admission_of({}, stranger, 0, 0), Admission::admit) << "it was never closed";
}

TEST(Gate, HoldsThenRefuses) {
    GateState state = closed();
    state.hold = 500;
    EXPECT_EQ(core::admission_of(state, stranger, 0, 0), Admission::hold);
    EXPECT_EQ(core::admission_of(state, stranger, 0, 499), Admission::hold);
    EXPECT_EQ(core::admission_of(state, stranger, 0, 500), Admission::refuse);
    EXPECT_EQ(core::admission_of(state, superuser, 0, 0), Admission::admit);
}

TEST(Gate, KeepsPlacesFree) {
    EXPECT_EQ(core::max_held_logins(100, 3), 24);
    EXPECT_EQ(core::max_held_logins(5, 3), 1);
    EXPECT_EQ(core::max_held_logins(1, 3), 1);
}

TEST(Hold, StaysBelowTheAuthenticationTimeout) {
    EXPECT_EQ(core::longest_hold(60), 50000);
    EXPECT_EQ(core::longest_hold(20), 10000);
    EXPECT_EQ(core::longest_hold(1), 500);
    EXPECT_EQ(core::checked_hold(in_seconds(0), 60), 0);
    EXPECT_EQ(core::checked_hold(in_seconds(50), 60), 50000);
    for (const core::Interval& wrong :
         {in_seconds(51), in_seconds(-1), core::Interval{0, 1, 0, false}, core::Interval{1, 0, 0, true}}) {
        const core::Error error = error_of([&] { core::checked_hold(wrong, 60); });
        EXPECT_STREQ(error.sqlstate(), "22023");
        EXPECT_NE(std::string(error.hint()).find("'50000 ms'"), std::string::npos) << error.hint();
    }
}

TEST(GateFile, KeepsEverything) {
    expect_kept(closed());
    expect_kept(full());
    GateState state = full();
    state.since = -1;
    state.until = 1;
    expect_kept(state);
}

TEST(GateFile, HasRoomForTheLargest) {
    GateState state = full();
    state.role_count = GateState::most_roles;
    std::fill(std::begin(state.allow_roles), std::end(state.allow_roles), 4294967295U);
    std::memset(state.by, '"', sizeof state.by - 1);
    std::memset(state.reason, '\x01', sizeof state.reason - 1);
    expect_kept(state);
    EXPECT_FALSE(is_readable(text_of(state).insert(21, "allow_role 1\n"))) << "one role too many";
}

TEST(GateFile, IsReadableText) {
    EXPECT_NE(text_of(full()).find("\nsince 2025-11-23 12:00:00.123456 UTC\n"), std::string::npos)
        << text_of(full());
    EXPECT_NE(text_of(full()).find("\nhold 30000 ms\nallow_role 16384\n"), std::string::npos);
    EXPECT_EQ(text_of(full()).find("pg_sessionctl gate 1\n# The server is locked down."), 0u);
}

TEST(GateFile, AnyCutOffEndIsDamage) {
    const std::string whole = text_of(full());
    for (std::size_t length = 0; length < whole.size(); ++length)
        EXPECT_FALSE(is_readable(whole.substr(0, length))) << length;
    EXPECT_TRUE(is_readable(whole));
    EXPECT_FALSE(is_readable(whole + "\n"));
    EXPECT_FALSE(is_readable(whole + "x"));
    EXPECT_FALSE(is_readable(whole + '\0'));
}

TEST(GateFile, WhatIsNotUnderstoodIsDamage) {
    EXPECT_TRUE(is_readable("pg_sessionctl gate 1\nend\n"));
    EXPECT_TRUE(is_readable("pg_sessionctl gate 1\n\n# hello\nend\n"));
    for (const char* const line : {"allow_role",
                                   "allow_role 0",
                                   "allow_role -1",
                                   "allow_role 4294967296",
                                   "allow_role 99999999999999999999",
                                   "allow_role x",
                                   "allow",
                                   "hold 5",
                                   "hold -5 ms",
                                   "hold 99999999 ms",
                                   "include_superusers no",
                                   "by postgres",
                                   "by \"",
                                   "by \"a",
                                   "by \"a\"b\"",
                                   "reason \"\\\"",
                                   "reason \"\\x0\"",
                                   "reason \"\\x00\"",
                                   "reason \"\\n\"",
                                   "until tomorrow",
                                   "until 2026-02-31 00:00:00.000000 UTC",
                                   "until 2026-02-01 00:00:00.000000",
                                   "until 2026-02-01 00:00:00.000000 UTC or so",
                                   "until 2026-02-01 25:00:00.000000 UTC",
                                   "since",
                                   " ",
                                   "END"})
        EXPECT_FALSE(is_readable(std::string("pg_sessionctl gate 1\n") + line + "\nend\n")) << line;
    for (const char* const text : {"", "\n", "end\n", "pg_sessionctl gate 2\nend\n", "pg_sessionctl gate 1",
                                   "pg_sessionctl gate 1\r\nend\r\n"})
        EXPECT_FALSE(is_readable(text)) << text;
}

TEST(GateFile, ADamagedOneChangesNothing) {
    GateState state = full();
    EXPECT_FALSE(core::read_gate_file("pg_sessionctl gate 1\ninclude_superusers\n", state));
    expect_same(state, full());
}

TEST(GateFile, ClosedForSafetyAdmitsSuperusersOnly) {
    const GateState state = core::closed_for_safety(seconds(1), "damaged");
    EXPECT_TRUE(core::admits(state, superuser));
    EXPECT_TRUE(core::admits(state, walsender));
    EXPECT_FALSE(core::admits(state, stranger));
    EXPECT_STREQ(state.reason, "damaged");
}

} // namespace sessionctl::test
