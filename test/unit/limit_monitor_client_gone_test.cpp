// The limit on sessions whose client is gone.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

class LimitMonitorOfGoneClients : public LimitMonitor {
  protected:
    static constexpr const char* name = "client_gone_timeout";

    SessionSample& run_without_client() {
        SessionSample& sample = run(connect(Limit::client_gone, 10000));
        facts.is_gone = true;
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfGoneClients, EndsASessionThatRunsOnForAsLongAsTheLimitAllows) {
    run_without_client();
    pass(hour); // nobody looked
    expect_violation_after_ten_looks(name);
    monitor.signalled(violation.session);
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfGoneClients, LooksTenTimesWithinTheLimitWhileTheClientIsThere) {
    run_without_client();
    facts.is_gone = false;
    expect_quiet_seconds(100);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(1));
    Limits limits;
    limits[Limit::client_gone] = 5000;
    monitor.expect_login(limits);
    EXPECT_EQ(left(), milliseconds(500));
}

TEST_F(LimitMonitorOfGoneClients, OneStatementAfterTheOtherDoesNotHelp) {
    SessionSample& sample = run_without_client();
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(look(), "") << i;
        pass(seconds(1));
        commit(sample);
        run(sample);
    }
    EXPECT_EQ(look(), name);
    monitor.logged(violation);
    run(sample);
    EXPECT_EQ(look(), "") << "it is told of once";
}

TEST_F(LimitMonitorOfGoneClients, IdleSessionFindsOutItself) {
    SessionSample& sample = run_without_client();
    for (const State state : {State::idle, State::idle_in_transaction, State::starting, State::disabled}) {
        enter(sample, state);
        expect_quiet_seconds(100);
    }
    EXPECT_EQ(facts.times_asked, 0);
    enter(sample, State::fastpath);
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfGoneClients, AWalsenderIsEndedOnlyInADatabase) {
    SessionSample& sample = run_without_client();
    sample.session.kind = core::Kind::walsender;
    expect_quiet_seconds(100);
    EXPECT_EQ(facts.times_asked, 0);
    sample.session.kind = core::Kind::database_walsender;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfGoneClients, ASuccessorInTheSlotStartsAnew) {
    SessionSample& sample = run_without_client();
    expect_quiet_seconds(9);
    replace(sample);
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

} // namespace sessionctl::test
