// The limit on sessions that wait for a silent client in the middle of a statement.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

class LimitMonitorOfSilence : public LimitMonitor {
  protected:
    static constexpr const char* name = "client_silence_timeout";

    SessionSample& fall_silent(std::int32_t limit = 10000) {
        return wait_for_client(connect(Limit::client_silence, limit));
    }

    /// Silent for nine of its ten seconds.
    SessionSample& almost_violate() {
        SessionSample& sample = fall_silent();
        expect_quiet_seconds(9);
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(1));
        return sample;
    }
    /// From now on it has ten seconds again.
    void expect_new_beginning() {
        expect_quiet_seconds(10);
        EXPECT_EQ(look(), name);
    }
};

} // namespace

TEST_F(LimitMonitorOfSilence, EndsASessionThatWasSilentAtEveryLook) {
    facts.still = {true, 17};
    fall_silent();
    pass(hour); // nobody looked
    expect_violation_after_ten_looks(name);
    EXPECT_EQ(violation.switches, 17u);
}

TEST_F(LimitMonitorOfSilence, LooksTenTimesWithinTheLimitAndEveryFiveSecondsAtLeast) {
    for (const auto& [limit, between_looks] :
         std::initializer_list<std::pair<std::int32_t, Timestamp>>{{1, milliseconds(1)},
                                                                   {5, milliseconds(1)},
                                                                   {100, milliseconds(10)},
                                                                   {50000, seconds(5)},
                                                                   {50010, seconds(5)},
                                                                   {3600000, seconds(5)}}) {
        start_anew();
        fall_silent(limit);
        EXPECT_EQ(look(), "") << limit;
        EXPECT_EQ(left(), between_looks) << limit;
    }
}

TEST_F(LimitMonitorOfSilence, LooksAgainNoLaterThanTheLimit) {
    fall_silent();
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(look(), "");
        pass(milliseconds(1600));
    }
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(400));
}

// It may begin right after a look.
TEST_F(LimitMonitorOfSilence, SessionThatDoesNotWaitIsLookedAtTenTimesWithinTheLimit) {
    SessionSample& sample = fall_silent(100000);
    sample.waits_for_client = false;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(10));
    EXPECT_EQ(facts.times_asked, 0);
    sample.limits[Limit::client_silence] = 5;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(1));
}

TEST_F(LimitMonitorOfSilence, ExpectsASessionThatFallsSilentAsSoonAsItIsThere) {
    for (const auto& [limit, between_looks] : std::initializer_list<std::pair<std::int32_t, Timestamp>>{
             {5, milliseconds(1)}, {10000, seconds(1)}, {100000, seconds(10)}}) {
        Limits limits;
        limits[Limit::client_silence] = limit;
        look();
        monitor.expect_login(limits);
        EXPECT_EQ(left(), between_looks) << limit;
    }
}

// A reaper that was stopped itself, or a machine that stood still.
TEST_F(LimitMonitorOfSilence, ALongGapCountsAsTwoShortOnes) {
    fall_silent();
    expect_quiet_seconds(5);
    pass(hour);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(1));
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    pass(seconds(1) - 1);
    EXPECT_EQ(look(), "");
    pass(1);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(violation.lasted, seconds(10));
}

TEST_F(LimitMonitorOfSilence, ALongGapUnderALongLimitCountsTenSeconds) {
    fall_silent(3600000);
    look();
    pass(hour);
    EXPECT_EQ(look(), "");
    for (int i = 0; i < 717; ++i) {
        pass(seconds(5));
        ASSERT_EQ(look(), "") << i;
    }
    EXPECT_EQ(left(), seconds(5));
    pass(seconds(5));
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfSilence, SessionThatRanStartsAnew) {
    almost_violate();
    ++facts.still.switches;
    pass(seconds(1));
    expect_new_beginning();
    EXPECT_EQ(violation.switches, facts.still.switches);
}

// A slow but living COPY: it always sleeps when somebody looks.
TEST_F(LimitMonitorOfSilence, EndsASessionWhoseClientDoesNotReadNotifications) {
    SessionSample& sample = connect(Limit::client_silence, 10000);
    sample.session.xact_start = wall();
    sample.waits_for_client = true;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    EXPECT_TRUE(is_for_unread_notifications(violation));
    EXPECT_TRUE(is_for_silence(violation));
}

TEST_F(LimitMonitorOfSilence, SessionThatRunsNowAndThenStays) {
    fall_silent();
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(look(), "") << i;
        pass(seconds(1));
        if (i % 9 == 0)
            ++facts.still.switches;
    }
}

TEST_F(LimitMonitorOfSilence, SessionThatIsNotAsleepStartsAnew) {
    almost_violate();
    facts.still.is_asleep = false;
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    facts.still.is_asleep = true;
    pass(seconds(1));
    expect_new_beginning();
}

// A stopped process: no switch, but never asleep.
TEST_F(LimitMonitorOfSilence, SessionThatIsNeverAsleepStays) {
    fall_silent();
    facts.still.is_asleep = false;
    expect_quiet_seconds(1000);
}

TEST_F(LimitMonitorOfSilence, SessionThatDidNotWaitForItsClientStartsAnew) {
    SessionSample& sample = almost_violate();
    sample.waits_for_client = false;
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    sample.waits_for_client = true;
    pass(seconds(1));
    expect_new_beginning();
}

TEST_F(LimitMonitorOfSilence, SessionThatChangedItsStateStartsAnew) {
    SessionSample& sample = almost_violate();
    pass(seconds(1));
    enter(sample, State::active);
    expect_new_beginning();
}

TEST_F(LimitMonitorOfSilence, ASuccessorInTheSlotStartsAnew) {
    SessionSample& sample = almost_violate();
    pass(seconds(1));
    replace(sample);
    expect_new_beginning();
}

TEST_F(LimitMonitorOfSilence, AJumpOfTheWallClockIsNoSilence) {
    fall_silent();
    for (const Timestamp jump : {hour, -hour, 3 * hour, -hour, hour}) {
        EXPECT_EQ(look(), "");
        pass(seconds(1));
        set_wall_clock(jump);
    }
    expect_quiet_seconds(5);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(violation.lasted, seconds(10));
}

TEST_F(LimitMonitorOfSilence, ObeysALimitAsItIsNow) {
    SessionSample& sample = fall_silent(100000);
    expect_quiet_seconds(5);
    EXPECT_EQ(look(), "");
    sample.limits[Limit::client_silence] = 5000;
    EXPECT_EQ(look(), name);
    sample.limits[Limit::client_silence] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitorOfSilence, TellsOnceAndSignalsOnce) {
    fall_silent();
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    monitor.logged(violation);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(10));
    expect_quiet_seconds(100);
    monitor.reconsider(true);
    pass(seconds(1));
    EXPECT_EQ(look(), name);
    monitor.signalled(violation.session);
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfSilence, AnExemptionHoldsForAMinute) {
    fall_silent();
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    monitor.exempt(violation.session);
    EXPECT_LE(left(), seconds(60));
    expect_quiet_seconds(60);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfSilence, IsNamedAfterAllOtherRules) {
    SessionSample& sample = fall_silent();
    sample.limits[Limit::transaction] = 10000;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), "transaction_timeout");
    monitor.logged(violation);
    EXPECT_EQ(look(), name);
}

} // namespace sessionctl::test
