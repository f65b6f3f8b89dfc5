// The limit on the age of sessions.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

class LimitMonitorOfLifetimes : public LimitMonitor {
  protected:
    static constexpr const char* name = "session_lifetime_timeout";

    std::string look() override {
        std::string rule = LimitMonitor::look();
        for (const SessionSample& sample : samples)
            if (const auto found = monitor.check_lifetime(sample)) {
                violation = *found;
                rule.append(core::rule_name(found->rule));
            }
        return rule;
    }
    SessionSample& begin_session() {
        SessionSample& sample = connect(Limit::lifetime, 10000);
        sample.session.id.start = wall();
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfLifetimes, EndAtTheDeadlineAndNotBefore) {
    begin_session();
    expect_violation_after(seconds(10), name);
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.limit, 10000);
    EXPECT_EQ(facts.times_asked, 0) << "who waits does not matter";
}

TEST_F(LimitMonitorOfLifetimes, WhateverTheSessionDoes) {
    SessionSample& sample = begin_session();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(look(), "") << i;
        run(sample);
        pass(milliseconds(500));
        EXPECT_EQ(look(), "") << i;
        commit(sample);
        pass(milliseconds(500));
    }
    EXPECT_EQ(look(), name);
    for (const State state : {State::active, State::idle_in_transaction, State::idle_in_transaction_aborted,
                              State::fastpath, State::disabled, State::idle}) {
        enter(sample, state);
        EXPECT_EQ(look(), name) << core::state_name(state);
    }
    enter(sample, State::starting);
    EXPECT_EQ(look(), "") << "it is no session yet";
}

TEST_F(LimitMonitorOfLifetimes, AreAViolationOnceASecondUntilTheSignal) {
    begin_session();
    pass(seconds(10));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), name);
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    monitor.signalled(violation.session);
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitorOfLifetimes, DoNotAffectTheOtherRules) {
    begin_session();
    EXPECT_EQ(look(), "");
    set_wall_clock(hour);
    expect_violation_after(seconds(10), name);
    set_wall_clock(-2 * hour);
    EXPECT_EQ(look(), name);
    SessionSample& next = samples.back();
    next.session.id.start = wall();
    EXPECT_EQ(look(), "") << "the next session in that place";
    EXPECT_EQ(left(), seconds(10));
}

TEST_F(LimitMonitorOfLifetimes, ALimitThatIsLiftedOrRaisedFrees) {
    SessionSample& sample = begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    sample.limits[Limit::lifetime] = 15000;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(5));
    sample.limits[Limit::lifetime] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitorOfLifetimes, TheExemptAreCheckedAfterAMinute) {
    begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    monitor.exempt(violation.session);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(60));
    pass(seconds(60));
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfLifetimes, AreLoggedOnce) {
    SessionSample& sample = begin_session();
    log_violation_after(seconds(10), name);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(look(), "") << i;
        run(sample);
        pass(seconds(1));
    }
    monitor.reconsider(true);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfLifetimes, OtherRulesBindUntilTheEnd) {
    SessionSample& sample = begin_session();
    sample.limits[Limit::idle_in_transaction] = 20000;
    idle_in_transaction(sample);
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    pass(seconds(10));
    EXPECT_EQ(look(), std::string("idle_in_transaction_timeout") + name);
}

TEST_F(LimitMonitorOfLifetimes, ALoginIsNotDueBeforeItsLimit) {
    Limits limits;
    limits[Limit::lifetime] = 5000;
    EXPECT_EQ(look(), "");
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(5));
}

} // namespace sessionctl::test
