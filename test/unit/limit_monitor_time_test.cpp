// What holds for every rule that limits a time: the deadline, jumps of the wall clock, what becomes of a
// violation.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

/// A rule that limits a time: how to set it to ten seconds, and how a session violates it from now on.
struct TimedRule {
    const char* name;
    Rule rule;
    Limit limit;
    State state;
    std::function<void(SessionSample&, KnownFacts&)> more = [](SessionSample&, KnownFacts&) {};
};

/// What a failed test says of it.
void PrintTo(const TimedRule& rule, std::ostream* out) {
    *out << rule.name << ", " << core::state_name(rule.state);
}

const TimedRule timed_rules[] = {
    {"idle_in_transaction_timeout", Rule::idle_in_transaction, Limit::idle_in_transaction,
     State::idle_in_transaction},
    {"idle_in_transaction_timeout", Rule::idle_in_transaction, Limit::idle_in_transaction,
     State::idle_in_transaction_aborted},
    {"idle_in_transaction_blocking_timeout", Rule::blocking, Limit::blocking, State::idle_in_transaction,
     [](SessionSample&, KnownFacts& facts) { facts.waiting = 3; }},
    {"idle_in_transaction_blocking_timeout", Rule::blocking, Limit::blocking,
     State::idle_in_transaction_aborted, [](SessionSample&, KnownFacts& facts) { facts.waiting = 3; }},
    {"idle_in_transaction_horizon_age", Rule::horizon, Limit::horizon_idle, State::idle_in_transaction,
     [](SessionSample& sample, KnownFacts& facts) {
         sample.limits[Limit::horizon_age] = 100;
         facts.age = 101;
     }},
    {"idle_in_transaction_horizon_age", Rule::horizon, Limit::horizon_idle,
     State::idle_in_transaction_aborted,
     [](SessionSample& sample, KnownFacts& facts) {
         sample.limits[Limit::horizon_age] = 100;
         facts.age = 101;
     }},
    {"idle_session_timeout", Rule::idle_session, Limit::idle_session, State::idle},
    {"transaction_timeout", Rule::transaction, Limit::transaction, State::active},
    {"transaction_timeout", Rule::transaction, Limit::transaction, State::idle_in_transaction},
};

/// Each of these rules alone.
class LimitMonitorOfTime : public LimitMonitor, public testing::WithParamInterface<TimedRule> {
  protected:
    /// A session that will violate, as it is from now on, after ten seconds.
    SessionSample& violator() {
        SessionSample& sample = connect(GetParam().limit, 10000);
        GetParam().more(sample, facts);
        return sample;
    }
    void begin_to_violate(SessionSample& sample) {
        enter(sample, GetParam().state);
        sample.session.xact_start = GetParam().state == State::idle ? 0 : wall();
    }
    /// It violates for nine of its ten seconds, and was seen to.
    SessionSample& almost_due() {
        SessionSample& sample = violator();
        begin_to_violate(sample);
        look();
        pass(seconds(9));
        return sample;
    }
    /// A session that has violated for ten seconds is found.
    void violate() {
        begin_to_violate(violator());
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
    }
    /// Nothing that is limited.
    void do_something_else(SessionSample& sample) {
        enter(sample, GetParam().state == State::idle ? State::active : State::idle);
        sample.session.xact_start = 0;
    }
};

INSTANTIATE_TEST_SUITE_P(Rules, LimitMonitorOfTime, testing::ValuesIn(timed_rules), [](const auto& each) {
    std::string name = std::string(each.param.name) + "_" + core::state_name(each.param.state);
    name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c) && c != '_'; }),
               name.end());
    return name;
});

} // namespace

// The deadline

TEST_P(LimitMonitorOfTime, EndsASessionAtItsDeadlineAndNotBefore) {
    begin_to_violate(violator());
    expect_violation_after(seconds(10), GetParam().name);
    EXPECT_EQ(violation.rule, GetParam().rule);
    EXPECT_EQ(violation.session.id, samples[0].session.id);
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.limit,
              samples[0].limits[GetParam().rule == Rule::horizon ? Limit::horizon_age : GetParam().limit]);
}

TEST_P(LimitMonitorOfTime, CountsFromTheStampNotFromTheLook) {
    begin_to_violate(violator());
    pass(seconds(4));
    expect_violation_after(seconds(6), GetParam().name);
    pass(seconds(7));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_EQ(violation.lasted, seconds(17));
}

TEST_P(LimitMonitorOfTime, SessionInAnotherStateIsNotDueBeforeNowPlusTheLimit) {
    SessionSample& sample = violator();
    do_something_else(sample);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10));
        pass(seconds(10));
    }
    begin_to_violate(sample);
    expect_violation_after(seconds(10), GetParam().name);
}

TEST_P(LimitMonitorOfTime, StartsAnewAfterAnotherState) {
    SessionSample& sample = almost_due();
    do_something_else(sample);
    look();
    begin_to_violate(sample);
    expect_violation_after(seconds(10), GetParam().name);
}

// Not seen in between: only the stamps tell.
TEST_P(LimitMonitorOfTime, StartsAnewAfterAnotherStateBetweenTwoLooks) {
    SessionSample& sample = almost_due();
    begin_to_violate(sample);
    pass(seconds(1));
    expect_violation_after(seconds(9), GetParam().name);
}

TEST_P(LimitMonitorOfTime, IsOffWithoutALimit) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    sample.limits[GetParam().rule == Rule::horizon ? Limit::horizon_age : GetParam().limit] = 0;
    pass(hour);
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_P(LimitMonitorOfTime, ObeysALimitAsItIsNow) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    EXPECT_EQ(look(), "");
    sample.limits[GetParam().limit] = 3000;
    pass(seconds(2));
    expect_violation_after(seconds(1), GetParam().name);
    sample.limits[GetParam().limit] = 20000;
    expect_violation_after(seconds(17), GetParam().name);
}

TEST_P(LimitMonitorOfTime, SurvivesTheLongestAndTheShortestLimit) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    sample.limits[GetParam().limit] = std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(2147483647));
    sample.limits[GetParam().limit] = 1;
    expect_violation_after(milliseconds(1), GetParam().name);
}

// The wall clock

TEST_P(LimitMonitorOfTime, AJumpOfTheWallClockEndsNobodyEarlierOrLater) {
    for (const Timestamp jump : {hour, -hour}) {
        start_anew();
        begin_to_violate(violator());
        EXPECT_EQ(look(), "");
        pass(seconds(4));
        set_wall_clock(jump);
        expect_violation_after(seconds(6), GetParam().name);
        EXPECT_EQ(violation.lasted, seconds(10));
    }
}

TEST_P(LimitMonitorOfTime, AJumpEndsNoSessionThatBeganJustBeforeIt) {
    for (const Timestamp jump : {hour, -hour}) {
        start_anew();
        look();
        pass(seconds(100));
        begin_to_violate(violator());
        pass(seconds(4));
        set_wall_clock(jump);
        pass(seconds(2));
        expect_violation_after(seconds(4), GetParam().name);
    }
}

TEST_P(LimitMonitorOfTime, AJumpEndsNoSessionThatBeganJustAfterIt) {
    for (const Timestamp jump : {hour, -hour}) {
        start_anew();
        look();
        pass(seconds(100));
        set_wall_clock(jump);
        pass(seconds(4));
        begin_to_violate(violator());
        pass(seconds(2));
        expect_violation_after(seconds(8), GetParam().name);
    }
}

TEST_P(LimitMonitorOfTime, SurvivesSeveralJumps) {
    begin_to_violate(violator());
    for (const Timestamp jump : {hour, -2 * hour, hour, hour, -3 * hour}) {
        EXPECT_EQ(look(), "");
        pass(seconds(1));
        set_wall_clock(jump);
    }
    expect_violation_after(seconds(5), GetParam().name);
}

// Set back and, before anybody looked, set right again: no look saw a jump.
TEST_P(LimitMonitorOfTime, TwoJumpsEndNoSessionThatBeganBetweenThem) {
    look();
    pass(seconds(100));
    set_wall_clock(-hour);
    begin_to_violate(violator());
    pass(seconds(1));
    set_wall_clock(hour);
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    EXPECT_LE(left(), seconds(10));
    pass(seconds(8) - 1);
    EXPECT_EQ(look(), "") << "a microsecond early";
}

TEST_P(LimitMonitorOfTime, FollowsAWallClockThatIsSlewed) {
    begin_to_violate(violator());
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10 - i));
        pass(seconds(1));
        set_wall_clock(500);
    }
    EXPECT_EQ(look(), GetParam().name);
}

// The monotonic clock stands still meanwhile, the wall clock goes on.
TEST_P(LimitMonitorOfTime, ASuspendedMachineEndsOnWakeOnlyWhatIsDue) {
    begin_to_violate(violator());
    EXPECT_EQ(look(), "");
    pass(seconds(4));
    begin_to_violate(violator());
    pass(seconds(1));
    set_wall_clock(8 * hour);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(5));
    pass(seconds(5));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_EQ(violation.session.slot, 0);
    monitor.signalled(violation.session);
    expect_violation_after(seconds(4), GetParam().name);
    EXPECT_EQ(violation.session.slot, 1);
}

// What was found

TEST_P(LimitMonitorOfTime, SendsNoSecondSignal) {
    violate();
    monitor.signalled(violation.session);
    for (int i = 0; i < 3; ++i) {
        pass(hour);
        EXPECT_EQ(look(), "");
        begin_to_violate(samples[0]); // it has blocked SIGTERM, and goes on
    }
    monitor.reconsider(true);
    pass(hour);
    EXPECT_EQ(look(), "");
}

// At the instant of the signal it had come back: it was not signalled, and may violate again.
TEST_P(LimitMonitorOfTime, LooksAgainSoonAtASessionThatChangedBeforeTheSignal) {
    violate();
    begin_to_violate(samples[0]);
    monitor.look_again_soon();
    EXPECT_EQ(left(), milliseconds(1));
    pass(milliseconds(1));
    expect_violation_after(seconds(10) - milliseconds(1), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ReturnsALoggedViolationOnce) {
    violate();
    monitor.logged(violation);
    EXPECT_EQ(left(), 0) << "another rule may be violated, too";
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10)) << "it may come back and violate again";
        pass(hour);
    }
    begin_to_violate(samples[0]);
    expect_violation_after(seconds(10), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ChecksAgainAMinuteAfterAnExemption) {
    violate();
    EXPECT_FALSE(monitor.is_exempt(violation.session));
    monitor.exempt(violation.session);
    EXPECT_TRUE(monitor.is_exempt(violation.session));
    EXPECT_LE(left(), seconds(60));
    expect_violation_after(seconds(60), GetParam().name);
}

TEST_P(LimitMonitorOfTime, AnExemptionIsForOnePauseOnly) {
    violate();
    monitor.exempt(violation.session);
    pass(seconds(1));
    begin_to_violate(samples[0]);
    look();
    EXPECT_FALSE(monitor.is_exempt(samples[0].session));
    expect_violation_after(seconds(10), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ChecksAnewWhatSettingsMayHaveChanged) {
    violate();
    monitor.exempt(violation.session);
    EXPECT_EQ(look(), "");
    monitor.reconsider(true);
    EXPECT_EQ(look(), GetParam().name);
    monitor.logged(violation);
    EXPECT_EQ(look(), "");
    monitor.reconsider(true);
    EXPECT_EQ(look(), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ReturnsALoggedViolationAgainOnlyIfItsLimitChanges) {
    violate();
    monitor.logged(violation);
    monitor.reconsider(false);
    EXPECT_EQ(look(), "");
    samples[0].limits[core::limit_of(violation.rule)] /= 2;
    EXPECT_EQ(look(), GetParam().name);
    monitor.logged(violation);
    monitor.reconsider(false);
    EXPECT_EQ(look(), "");
}

TEST_P(LimitMonitorOfTime, ForgetsThePreviousSessionOfTheSlot) {
    const std::function<void()> counted[] = {
        [this] { monitor.signalled(violation.session); },
        [this] { monitor.logged(violation); },
        [this] { monitor.exempt(violation.session); },
    };
    for (const auto& counted : counted) {
        start_anew();
        violate();
        counted();
        replace(samples[0]); // with the same stamps
        look();
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
        counted();
        samples[0].session.id.pid += 1;
        look();
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
    }
}

// A new session's stamps are read with the clock as it is now.
TEST_P(LimitMonitorOfTime, ANewSessionHasAClockOfItsOwn) {
    begin_to_violate(violator());
    look();
    pass(seconds(9));
    replace(samples[0]);
    begin_to_violate(samples[0]);
    expect_violation_after(seconds(10), GetParam().name);
}

// A login with limits that the reaper knows does not wake it.
TEST_P(LimitMonitorOfTime, ExpectsALoginThatIsNoSessionYet) {
    const Limits limits = violator().limits;
    samples.clear();
    monitor.begin(now, wall());
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(10));
    pass(seconds(3));
    look();
    EXPECT_TRUE(is_never());
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(10));
}

} // namespace sessionctl::test
