// Since when sessions have matched a rule, at every check without a break.
#include "core/rules/match_streaks.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::Session;
using core::State;
using core::Streak;
using core::Timestamp;

namespace {

constexpr Timestamp every = core::microseconds_per_second;

class MatchStreaks : public testing::Test {
  protected:
    /// A check, at which these match.
    void check(std::initializer_list<Session> sessions, Streak streak = Streak::statement) {
        streaks.begin_check(now, every);
        for (const Session& session : sessions)
            streaks.match(session, streak);
        streaks.end_check();
    }
    /// The same after a time.
    void check_after(Timestamp time, std::initializer_list<Session> sessions,
                     Streak streak = Streak::statement) {
        now += time;
        check(sessions, streak);
    }

    /// How long it has matched; -1: it does not.
    Timestamp lasted(const Session& session) {
        const auto* const known = streaks.find(session);
        return known != nullptr ? now - known->since : -1;
    }

    core::MatchStreaks streaks;
    Timestamp now = seconds(5000);
};

Session running(std::int32_t pid, Timestamp query_start, Timestamp xact_start = 0) {
    Session session = client(pid);
    session.state = State::active;
    session.query_start = query_start;
    session.xact_start = xact_start;
    return session;
}

} // namespace

TEST_F(MatchStreaks, LastsFromTheFirstMatchOn) {
    const Session session = client(1);
    EXPECT_EQ(lasted(session), -1);
    check({session});
    EXPECT_EQ(lasted(session), 0);
    check_after(seconds(1), {session});
    check_after(seconds(2), {session});
    EXPECT_EQ(lasted(session), seconds(3));
}

TEST_F(MatchStreaks, OneCheckWithoutAMatchStartsItAnew) {
    const Session session = client(1);
    check({session});
    check_after(seconds(1), {});
    EXPECT_EQ(lasted(session), -1);
    check_after(seconds(1), {session});
    EXPECT_EQ(lasted(session), 0);
}

TEST_F(MatchStreaks, EachSessionHasItsOwn) {
    check({client(3)});
    check_after(seconds(1), {client(1), client(3), client(5)});
    check_after(seconds(1), {client(5), client(4), client(3), client(1)});
    check_after(seconds(1), {client(1), client(3), client(4)});
    EXPECT_EQ(lasted(client(3)), seconds(3));
    EXPECT_EQ(lasted(client(1)), seconds(2));
    EXPECT_EQ(lasted(client(4)), seconds(1));
    EXPECT_EQ(lasted(client(5)), -1);
}

TEST_F(MatchStreaks, AnotherSessionWithThePidStartsAnew) {
    const Session before = client(1);
    Session after = before;
    after.id.start += 1;
    check({before}, Streak::session);
    check_after(seconds(1), {after}, Streak::session);
    EXPECT_EQ(lasted(after), 0);
    EXPECT_EQ(lasted(before), -1);
}

TEST_F(MatchStreaks, AnotherStatementStartsTheStreakOfStatementsAnew) {
    check({running(1, 10, 7)}, Streak::statement);
    check_after(seconds(1), {running(1, 10, 8)}, Streak::statement); // a procedure that commits
    EXPECT_EQ(lasted(running(1, 10)), seconds(1));
    check_after(seconds(1), {running(1, 11, 8)}, Streak::statement);
    EXPECT_EQ(lasted(running(1, 11)), 0);
}

TEST_F(MatchStreaks, AnotherTransactionStartsTheStreakOfTransactionsAnew) {
    Session idle = running(1, 11, 7);
    idle.state = State::idle_in_transaction;
    idle.state_change += 1;
    check({running(1, 10, 7)}, Streak::transaction);
    check_after(seconds(1), {idle}, Streak::transaction);
    EXPECT_EQ(lasted(idle), seconds(1));
    check_after(seconds(1), {running(1, 11, 8)}, Streak::transaction);
    EXPECT_EQ(lasted(running(1, 11)), 0);
}

TEST_F(MatchStreaks, OutOfTransactionsTheyAreTheSameAsLongAsTheStateIs) {
    Session session = client(1);
    check({session}, Streak::transaction);
    check_after(seconds(1), {session}, Streak::transaction);
    EXPECT_EQ(lasted(session), seconds(1));
    session.state_change += 1; // it had a transaction meanwhile
    check_after(seconds(1), {session}, Streak::transaction);
    EXPECT_EQ(lasted(session), 0);
}

TEST_F(MatchStreaks, TheStreakOfASessionGoesOnWithOtherStatements) {
    check({running(1, 10, 7)}, Streak::session);
    check_after(seconds(1), {running(1, 11, 8)}, Streak::session);
    EXPECT_EQ(lasted(running(1, 11)), seconds(1));
}

TEST_F(MatchStreaks, TheNextStatementsStreakIsItsOwn) {
    Session session = running(1, 10, 7);
    check({session}, Streak::statement);
    session.query_start = 11;
    check_after(seconds(1), {session}, Streak::statement);
    check_after(seconds(1), {session}, Streak::statement);
    EXPECT_EQ(lasted(session), seconds(1));
}

TEST_F(MatchStreaks, ATimeWithoutChecksCountsForTwo) {
    const Session session = client(1);
    check({session});
    check_after(seconds(2), {session});
    EXPECT_EQ(lasted(session), seconds(2));
    check_after(seconds(600), {session});
    EXPECT_EQ(lasted(session), seconds(4));
}

TEST_F(MatchStreaks, ARestartStartsAllAnew) {
    const Session session = client(1);
    check({session});
    streaks.restart();
    EXPECT_EQ(lasted(session), -1);
    check_after(seconds(1), {session});
    EXPECT_EQ(lasted(session), 0);
}

TEST_F(MatchStreaks, WhatIsKnownLastsAsLongAsTheStreak) {
    const Session session = client(1);
    check({session});
    streaks.find(session)->was_acted_on = true;
    streaks.find(session)->was_held_back = true;
    check_after(seconds(1), {session});
    EXPECT_TRUE(streaks.find(session)->was_acted_on);
    EXPECT_TRUE(streaks.find(session)->was_held_back);
    Session other = session;
    other.query_start += 1;
    check_after(seconds(1), {other});
    EXPECT_FALSE(streaks.find(other)->was_acted_on);
    EXPECT_FALSE(streaks.find(other)->was_held_back);
}

TEST_F(MatchStreaks, WhoIsHeldBackIsSoOnceInAStreak) {
    const Session session = client(1);
    check({session});
    EXPECT_TRUE(streaks.hold_back(session));
    EXPECT_FALSE(streaks.hold_back(session));
    EXPECT_FALSE(streaks.hold_back(client(2))) << "it does not match";
    check_after(seconds(1), {session});
    EXPECT_FALSE(streaks.hold_back(session));
    check_after(seconds(1), {});
    check_after(seconds(1), {session});
    EXPECT_TRUE(streaks.hold_back(session));
}

TEST_F(MatchStreaks, WhatIsKnownIsKeptWhileAnActionIsInFlight) {
    const Session session = client(1);
    check({session});
    streaks.find(session)->was_acted_on = true;
    now += seconds(1);
    streaks.begin_check(now, every);
    streaks.keep(session);
    streaks.keep(client(2));
    streaks.end_check();
    check_after(seconds(1), {session});
    EXPECT_TRUE(streaks.find(session)->was_acted_on);
    EXPECT_EQ(lasted(client(2)), -1);
}

TEST_F(MatchStreaks, WhenActionsAreForgottenTheStreaksGoOn) {
    check({client(1), client(2)});
    streaks.find(client(1))->was_acted_on = true;
    streaks.find(client(1))->was_held_back = true;
    now += seconds(1);
    streaks.forget_actions();
    EXPECT_FALSE(streaks.find(client(1))->was_acted_on);
    EXPECT_TRUE(streaks.find(client(1))->was_held_back) << "it has been counted";
    EXPECT_FALSE(streaks.find(client(2))->was_acted_on);
    EXPECT_EQ(lasted(client(1)), seconds(1));
    EXPECT_EQ(lasted(client(2)), seconds(1));
}

TEST_F(MatchStreaks, AForgottenOneStartsAnew) {
    const Session session = client(1);
    Session successor = session;
    successor.id.start += 1;
    check({session, client(2)});
    streaks.forget(successor);
    EXPECT_EQ(lasted(session), 0);
    streaks.forget(client(3));
    streaks.forget(session);
    EXPECT_EQ(lasted(session), -1);
    EXPECT_EQ(lasted(client(2)), 0);
    check_after(seconds(1), {session, client(2)});
    EXPECT_EQ(lasted(session), 0);
    EXPECT_EQ(lasted(client(2)), seconds(1));
}

TEST_F(MatchStreaks, ACallByTheFastPathIsAStatementOfItsOwn) {
    Session call = running(1, 10, 5);
    call.state = State::fastpath;
    check({call});
    check_after(seconds(1), {call});
    EXPECT_EQ(lasted(call), seconds(1));
    call.state_change += 1;
    check_after(seconds(1), {call});
    EXPECT_EQ(lasted(call), 0);
}

TEST_F(MatchStreaks, WhatItsOwnerMayNotSeeDoesNotShow) {
    Session session = running(1, 10, 5);
    session.is_visible = false;
    check({session});
    session.query_start += 1;
    session.xact_start += 1;
    for (const Streak streak : {Streak::statement, Streak::transaction, Streak::session})
        check_after(seconds(1), {session}, streak);
    EXPECT_EQ(lasted(session), seconds(3));
    session.id.start += 1;
    check_after(seconds(1), {session});
    EXPECT_EQ(lasted(session), 0);
}

} // namespace sessionctl::test
