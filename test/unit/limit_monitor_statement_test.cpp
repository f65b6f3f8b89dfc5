// The limit on statements: they are cancelled, and their session ends if they go on.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

class LimitMonitorOfStatements : public LimitMonitor {
  protected:
    static constexpr const char* name = "statement_timeout";

    SessionSample& begin_statement() { return run(connect(Limit::statement, 10000)); }
};

} // namespace

TEST_F(LimitMonitorOfStatements, AreCancelledAtTheDeadlineAndNotBefore) {
    begin_statement();
    expect_violation_after(seconds(10), name);
    EXPECT_TRUE(violation.is_cancel);
    EXPECT_EQ(violation.lasted, seconds(10));
}

TEST_F(LimitMonitorOfStatements, TheirSessionEndsWhereTheyGoOnForAsLongAgain) {
    begin_statement();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    monitor.cancelled(violation);
    EXPECT_EQ(left(), seconds(10));
    expect_violation_after(seconds(10), name);
    EXPECT_FALSE(violation.is_cancel);
    EXPECT_EQ(violation.lasted, seconds(20));
    monitor.signalled(violation.session);
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfStatements, HaveFiveSecondsAtLeastToClean) {
    run(connect(Limit::statement, 2000));
    pass(seconds(2));
    EXPECT_EQ(look(), name);
    monitor.cancelled(violation);
    EXPECT_EQ(left(), seconds(2)) << "for the next statement";
    for (const Timestamp more : {seconds(2), seconds(1)}) {
        pass(seconds(2));
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), std::min(more, seconds(2)));
    }
    pass(seconds(1));
    EXPECT_EQ(look(), name);
    EXPECT_FALSE(violation.is_cancel);
}

TEST_F(LimitMonitorOfStatements, TheNextOneHasTheWholeLimit) {
    SessionSample& sample = begin_statement();
    pass(seconds(9));
    EXPECT_EQ(look(), "");
    run(sample); // in the same transaction
    expect_violation_after(seconds(10), name);
    monitor.cancelled(violation);
    run(sample);
    expect_violation_after(seconds(10), name);
    EXPECT_TRUE(violation.is_cancel);
}

TEST_F(LimitMonitorOfStatements, OnlyThoseThatRun) {
    SessionSample& sample = begin_statement();
    for (const State state : {State::idle, State::idle_in_transaction, State::idle_in_transaction_aborted,
                              State::starting, State::disabled}) {
        enter(sample, state);
        expect_quiet_seconds(100);
    }
    enter(sample, State::fastpath);
    sample.session.query_start = wall();
    expect_violation_after(seconds(10), name);
}

TEST_F(LimitMonitorOfStatements, AreLoggedOnce) {
    SessionSample& sample = begin_statement();
    log_violation_after(seconds(10), name);
    expect_quiet_seconds(100);
    run(sample);
    EXPECT_EQ(look(), "");
    expect_violation_after(seconds(10), name);
}

} // namespace sessionctl::test
