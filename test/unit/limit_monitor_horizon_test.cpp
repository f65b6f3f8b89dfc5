// The limit on sessions that hold back the vacuum horizon.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

class LimitMonitorOfTheHorizon : public LimitMonitor {
  protected:
    SessionSample& hold_back(std::int32_t age, std::int32_t idle) {
        SessionSample& sample = connect();
        sample.limits[Limit::horizon_age] = age;
        sample.limits[Limit::horizon_idle] = idle;
        idle_in_transaction(sample);
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfTheHorizon, EndsASessionThatHoldsBackMoreThanTheLimit) {
    hold_back(1000, 10000);
    pass(seconds(10));
    for (const std::int64_t age : {0, 1, 999, 1000}) {
        facts.age = age;
        EXPECT_EQ(look(), "") << age;
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    facts.age = 1001;
    EXPECT_EQ(look(), "idle_in_transaction_horizon_age");
    EXPECT_EQ(violation.limit, 1000);
    EXPECT_EQ(violation.held_back, 1001);
    EXPECT_EQ(violation.lasted, seconds(14));
    EXPECT_EQ(violation.waiting_behind, 0);
}

TEST_F(LimitMonitorOfTheHorizon, KnowsMoreTransactionsThanThirtyTwoBitsCount) {
    hold_back(std::numeric_limits<std::int32_t>::max(), 10000);
    facts.age = std::int64_t{1} << 32;
    expect_violation_after(seconds(10), "idle_in_transaction_horizon_age");
    EXPECT_EQ(violation.held_back, std::int64_t{1} << 32);
}

TEST_F(LimitMonitorOfTheHorizon, AsksOnlyOnceThePauseIsLongEnough) {
    hold_back(1000, 10000);
    facts.age = 5000;
    look();
    pass(seconds(10) - 1);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(LimitMonitorOfTheHorizon, EndsASessionWhoseClientDoesNotReadNotifications) {
    SessionSample& sample = hold_back(1000, 10000);
    enter(sample, State::idle); // since then, it seems, in the transaction of a statement long ago
    facts.age = 5000;
    expect_quiet_seconds(100);
    sample.waits_for_client = true;
    expect_quiet_seconds(9);
    facts.still.switches++; // it ran
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), "idle_in_transaction_horizon_age");
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.switches, facts.still.switches);
    EXPECT_TRUE(is_for_unread_notifications(violation));
    facts.still.is_asleep = false;
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfTheHorizon, SparesASessionThatIsIdleInNoTransaction) {
    SessionSample& sample = hold_back(1000, 10000);
    commit(sample);
    sample.waits_for_client = true;
    facts.age = 5000;
    expect_quiet_seconds(100);
}

// Else a session between two statements would be ended.
TEST_F(LimitMonitorOfTheHorizon, ThePauseIsAMillisecondAtLeast) {
    hold_back(1000, 0);
    facts.age = 5000;
    expect_violation_after(milliseconds(1), "idle_in_transaction_horizon_age");
}

} // namespace sessionctl::test
