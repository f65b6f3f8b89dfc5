// The limit on sessions that are idle in a transaction while others wait.

#include "limit_monitor_fixture.hpp"

namespace sessionctl::test {

namespace {

class LimitMonitorOfBlocking : public LimitMonitor {
  protected:
    SessionSample& block(std::int32_t limit) { return idle_in_transaction(connect(Limit::blocking, limit)); }
};

} // namespace

TEST_F(LimitMonitorOfBlocking, AsksOnlyOnceThePauseIsLongEnough) {
    block(10000);
    look();
    pass(seconds(10) - 1);
    look();
    EXPECT_EQ(facts.times_asked, 0);
    pass(1);
    look();
    EXPECT_EQ(facts.times_asked, 1);
}

TEST_F(LimitMonitorOfBlocking, CountsTheWaitersOfASessionOnceASecond) {
    block(10000);
    pass(seconds(10));
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    EXPECT_EQ(facts.times_asked, 100);
    facts.waiting = 2;
    EXPECT_EQ(look(), "idle_in_transaction_blocking_timeout");
    EXPECT_EQ(violation.waiting_behind, 2);
    EXPECT_EQ(violation.lasted, seconds(110));
    EXPECT_EQ(violation.held_back, 0);
}

TEST_F(LimitMonitorOfBlocking, AsksMoreOftenForAShorterLimit) {
    block(200);
    pass(milliseconds(200));
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(200));
}

TEST_F(LimitMonitorOfBlocking, OneWaiterIsEnough) {
    block(10000);
    facts.waiting = 1;
    expect_violation_after(seconds(10), "idle_in_transaction_blocking_timeout");
    EXPECT_EQ(violation.waiting_behind, 1);
}

} // namespace sessionctl::test
