// When the monitor looks again, and several sessions and rules at once.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

TEST_F(LimitMonitor, NoSessions) {
    EXPECT_TRUE(is_never());
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitor, LooksAgainSoonUnlessItHasToSooner) {
    connect(Limit::idle_session, 10);
    look();
    pass(milliseconds(10) - 1);
    look();
    monitor.look_again_soon();
    EXPECT_EQ(left(), 1);
}

TEST_F(LimitMonitor, LooksAgainAtACommitLessAndLessOften) {
    core::LimitViolation violation = {};
    violation.session = run(connect(Limit::transaction, 10000)).session;
    violation.limit = 10000;
    pass(seconds(10));
    const auto until_next_look = [&](std::uint32_t transaction) {
        EXPECT_EQ(look(), "transaction_timeout");
        monitor.look_again_in_commit(violation, transaction);
        const Timestamp until = left();
        pass(until);
        return until;
    };
    EXPECT_EQ(until_next_look(7), milliseconds(1));
    EXPECT_EQ(until_next_look(7), milliseconds(1));
    EXPECT_EQ(until_next_look(7), milliseconds(2));
    EXPECT_EQ(until_next_look(7), milliseconds(4));
    for (int i = 0; i < 9; ++i)
        until_next_look(7);
    EXPECT_EQ(until_next_look(7), seconds(1));
    EXPECT_EQ(until_next_look(7), seconds(1));
    EXPECT_EQ(until_next_look(8), milliseconds(1)) << "the commit of another transaction";
    pass(seconds(10));
    violation.limit = 100;
    EXPECT_EQ(until_next_look(8), milliseconds(100)) << "what comes next may be over its limit by then";
    violation.limit = 1;
    EXPECT_EQ(until_next_look(8), milliseconds(10));
}

TEST_F(LimitMonitor, ExpectsNobodyWithoutALimit) {
    Limits limits;
    limits[Limit::horizon_idle] = 1000; // alone it is none
    look();
    monitor.expect_login(limits);
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitor, ExpectsTheShortestOfAllLimits) {
    Limits limits;
    limits[Limit::transaction] = 30000;
    limits[Limit::idle_session] = 10000;
    limits[Limit::blocking] = 20000;
    look();
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(10));
    connect(Limit::idle_session, 4000);
    look();
    EXPECT_EQ(left(), seconds(4));
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(4));
}

TEST_F(LimitMonitor, LooksAgainAtTheFirstDeadlineOfAll) {
    for (const std::int32_t limit : {30000, 10000, 20000})
        idle_in_transaction(connect(Limit::idle_in_transaction, limit));
    EXPECT_EQ(look(), "");
    for (const int slot : {1, 2, 0}) {
        EXPECT_EQ(left(), seconds(10));
        pass(seconds(10));
        EXPECT_EQ(look(), "idle_in_transaction_timeout");
        EXPECT_EQ(violation.session.slot, slot);
        monitor.signalled(violation.session);
    }
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitor, LooksAgainAtTheFirstDeadlineOfAllRules) {
    SessionSample& sample = connect();
    sample.limits[Limit::idle_in_transaction] = 30000;
    sample.limits[Limit::blocking] = 20000;
    sample.limits[Limit::transaction] = 50000;
    sample.limits[Limit::idle_session] = 45000;
    sample.limits[Limit::horizon_age] = 1;
    sample.limits[Limit::horizon_idle] = 40000;
    idle_in_transaction(sample);
    for (const auto& [first, deadline] :
         std::initializer_list<std::pair<Limit, Timestamp>>{{Limit::blocking, seconds(20)},
                                                            {Limit::idle_in_transaction, seconds(30)},
                                                            {Limit::horizon_age, seconds(40)},
                                                            {Limit::idle_session, seconds(45)},
                                                            {Limit::transaction, seconds(50)}}) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), deadline);
        sample.limits[first] = 0;
    }
}

TEST_F(LimitMonitor, ReturnsTheFirstRuleThatIsViolated) {
    SessionSample& sample = connect();
    sample.limits[Limit::horizon_age] = 1;
    sample.limits[Limit::horizon_idle] = 10000;
    for (const Limit limit :
         {Limit::idle_in_transaction, Limit::blocking, Limit::idle_session, Limit::transaction})
        sample.limits[limit] = 10000;
    idle_in_transaction(sample);
    facts.waiting = 1;
    facts.age = 2;
    pass(seconds(10));
    for (const char* const rule : {"idle_in_transaction_timeout", "idle_in_transaction_blocking_timeout",
                                   "idle_in_transaction_horizon_age", "transaction_timeout", ""}) {
        EXPECT_EQ(look(), rule);
        monitor.logged(violation);
    }
}

// A rule that is violated does not keep the others from saying when they are.
TEST_F(LimitMonitor, LooksAgainForTheOtherRulesAfterALoggedViolation) {
    SessionSample& sample = connect(Limit::idle_in_transaction, 10000);
    sample.limits[Limit::transaction] = 15000;
    idle_in_transaction(sample);
    pass(seconds(10));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    EXPECT_EQ(left(), seconds(5));
    monitor.logged(violation);
    expect_violation_after(seconds(5), "transaction_timeout");
}

// It has one for itself for a moment, and the start of its last statement is shown as that one's.
TEST_F(LimitMonitor, AnIdleSessionIsInNoTransaction) {
    SessionSample& sample = run(connect(Limit::transaction, 10000));
    const core::Timestamp start = sample.session.xact_start;
    commit(sample);
    pass(hour);
    sample.session.xact_start = start;
    EXPECT_EQ(look(), "");
}

TEST_F(LimitMonitor, ALoggedTransactionOutlastsItsStatements) {
    SessionSample& sample = run(connect(Limit::transaction, 10000));
    log_violation_after(seconds(10), "transaction_timeout");
    idle_in_transaction(sample);
    EXPECT_EQ(look(), "");
    pass(hour);
    run(sample);
    EXPECT_EQ(look(), "");
    commit(sample);
    run(sample);
    expect_violation_after(seconds(10), "transaction_timeout");
}

TEST_F(LimitMonitor, LoggedIdlenessIsForgottenWithTheState) {
    SessionSample& sample = idle_in_transaction(connect(Limit::idle_in_transaction, 10000));
    log_violation_after(seconds(10), "idle_in_transaction_timeout");
    sample.session.xact_start += 1;
    EXPECT_EQ(look(), "");
}

// SAVEPOINT, ROLLBACK TO, FETCH: as core counts.
TEST_F(LimitMonitor, AStatementInTheTransactionStartsThePauseAnewButNotTheTransaction) {
    SessionSample& sample = connect(Limit::idle_in_transaction, 10000);
    sample.limits[Limit::transaction] = 60000;
    idle_in_transaction(sample);
    for (int i = 0; i < 11; ++i) {
        EXPECT_EQ(look(), "");
        pass(seconds(5));
        idle_in_transaction(sample);
    }
    expect_violation_after(seconds(5), "transaction_timeout");
    EXPECT_EQ(violation.lasted, seconds(60));
}

TEST_F(LimitMonitor, AnIdleListenerIsIdleAndInNoTransaction) {
    SessionSample& sample = connect();
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::horizon_age,
                              Limit::horizon_idle, Limit::transaction, Limit::client_silence})
        sample.limits[limit] = 1;
    facts.waiting = 1;
    facts.age = 100;
    for (int i = 0; i < 10; ++i) {
        pass(hour);
        EXPECT_EQ(look(), "");
    }
    EXPECT_EQ(facts.times_asked, 0);
    sample.limits[Limit::idle_session] = 1000;
    EXPECT_EQ(look(), "idle_session_timeout");
}

TEST_F(LimitMonitor, OnlyReportedIdlenessCounts) {
    SessionSample& sample = connect();
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::horizon_age,
                              Limit::horizon_idle, Limit::idle_session})
        sample.limits[limit] = 1;
    facts.waiting = 1;
    facts.age = 100;
    for (const State state :
         {State::undefined, State::starting, State::active, State::fastpath, State::disabled}) {
        enter(sample, state);
        look();
        pass(hour);
        EXPECT_EQ(look(), "") << static_cast<int>(state);
    }
}

TEST_F(LimitMonitor, AnExemptionIsForAMinuteHoweverLongTheLimit) {
    connect(Limit::idle_session, 3600000);
    pass(hour);
    EXPECT_EQ(look(), "idle_session_timeout");
    monitor.exempt(violation.session);
    EXPECT_EQ(left(), seconds(60));
    expect_violation_after(seconds(60), "idle_session_timeout");
}

TEST_F(LimitMonitor, CountsWaitersUnderEveryRule) {
    idle_in_transaction(connect(Limit::idle_in_transaction, 1000));
    facts.waiting = 3;
    look();
    EXPECT_EQ(facts.times_asked, 0) << "before there is something to tell";
    pass(seconds(1));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    EXPECT_EQ(violation.waiting_behind, 3);
}

TEST_F(LimitMonitor, DoesNotCountWaitersOfASessionInNoTransaction) {
    connect(Limit::idle_session, 1000);
    facts.waiting = 3;
    pass(seconds(1));
    EXPECT_EQ(look(), "idle_session_timeout");
    EXPECT_EQ(violation.waiting_behind, 0);
    EXPECT_EQ(facts.times_asked, 0);
}

TEST(LimitMonitorSlots, NoSuchSlot) {
    core::LimitMonitor monitor(2);
    core::Session session = client(1);
    for (const int slot : {-1, 2}) {
        session.slot = slot;
        EXPECT_STREQ(error_of([&] { monitor.signalled(session); }).sqlstate(), "XX000") << slot;
    }
}

} // namespace sessionctl::test
