// No more than at_most actions within at_most_within, over any such stretch of time.
#include "core/rules/action_times.hpp"
#include "support.hpp"

#include <deque>
#include <random>

namespace sessionctl::test {

using core::Timestamp;

namespace {

constexpr Timestamp one_minute = 60 * core::microseconds_per_second;

class ActionTimes : public testing::Test {
  protected:
    ActionTimes() { times.begin(INT64_MIN); }

    void act(int number) {
        for (int i = 0; i < number; ++i)
            times.add(now);
    }
    std::int32_t room(std::int32_t at_most, Timestamp within = one_minute) const {
        return times.room(at_most, within, now);
    }

    core::ActionTimes times;
    Timestamp now = seconds(5000);
};

} // namespace

TEST_F(ActionTimes, ARuleThatNeverActedHasAllItsRoom) {
    EXPECT_EQ(room(5), 5);
    EXPECT_EQ(room(core::ActionTimes::most), core::ActionTimes::most);
    EXPECT_EQ(times.last(), INT64_MIN);
}

TEST_F(ActionTimes, EachActionTakesRoomForAsLongAsTheWindowIs) {
    act(2);
    now += seconds(30);
    act(2);
    EXPECT_EQ(room(5), 1);
    now += seconds(30) - 1;
    EXPECT_EQ(room(5), 1);
    now += 1;
    EXPECT_EQ(room(5), 3);
    now += seconds(30);
    EXPECT_EQ(room(5), 5);
}

TEST_F(ActionTimes, ThereIsNeverLessThanNoRoom) {
    act(7);
    EXPECT_EQ(room(5), 0);
}

TEST_F(ActionTimes, AChangedRuleIsMeasuredByWhatItDidBefore) {
    act(3);
    now += seconds(90);
    EXPECT_EQ(room(5), 5);
    EXPECT_EQ(room(5, 2 * one_minute), 2);
    EXPECT_EQ(room(2, 2 * one_minute), 0);
}

TEST_F(ActionTimes, WhatDidNotHappenIsTakenBack) {
    act(1);
    now += seconds(1);
    act(1);
    times.take_back();
    EXPECT_EQ(room(5), 4);
    EXPECT_EQ(times.last(), now - seconds(1));
    act(1);
    EXPECT_EQ(room(5), 3);
    EXPECT_EQ(times.last(), now);
}

TEST_F(ActionTimes, AllThatMayBeCountedAreRememberedThoughOneWasTakenBack) {
    act(core::ActionTimes::most);
    EXPECT_EQ(room(core::ActionTimes::most), 0);
    now += seconds(1);
    act(1);
    times.take_back();
    EXPECT_EQ(room(core::ActionTimes::most), 0);
}

TEST_F(ActionTimes, BeforeItIsKnownWhatWasDoneThereIsNoRoom) {
    times.begin(now);
    EXPECT_EQ(room(5), 0);
    now += one_minute - 1;
    EXPECT_EQ(room(5), 0);
    now += 1;
    EXPECT_EQ(room(5), 5);
    EXPECT_EQ(room(5, one_minute + 1), 0);
}

TEST_F(ActionTimes, BeginningForgetsWhatWasDone) {
    act(5);
    times.begin(INT64_MIN);
    EXPECT_EQ(room(5), 5);
}

TEST_F(ActionTimes, NoStretchOfTimeHasMoreThanAllowedWhateverChanges) {
    std::mt19937 random(1);
    std::deque<Timestamp> acted;
    for (int i = 0; i < 20000; ++i) {
        now += std::uniform_int_distribution<Timestamp>(0, seconds(3))(random);
        // A user who changes the rule again and again, but never beyond five a minute.
        const auto at_most = std::uniform_int_distribution<std::int32_t>(1, 5)(random);
        const Timestamp within = one_minute + std::uniform_int_distribution<Timestamp>(0, one_minute)(random);
        if (room(at_most, within) == 0)
            continue;
        times.add(now);
        acted.push_back(now);
        while (acted.front() <= now - one_minute)
            acted.pop_front();
        ASSERT_LE(acted.size(), 5U);
        if (std::bernoulli_distribution(0.2)(random)) {
            times.take_back();
            acted.pop_back();
        }
    }
}

TEST_F(ActionTimes, WhatIsForgottenDoesNotCount) {
    act(1);
    const Timestamp since = now;
    now += 1;
    act(2);
    times.forget_after(since);
    EXPECT_EQ(room(3), 2);
    act(1);
    EXPECT_EQ(room(3), 1);
}

} // namespace sessionctl::test
