#include "core/clock.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::Clock;
using core::Timestamp;

namespace {

/// By how much the wall clock is ahead, as the tests begin.
constexpr Timestamp ahead = 25 * 365 * 24 * hour;

/// The longest change that passes for drift between two ticks ten seconds apart.

} // namespace

TEST(Clock, StampMadeSinceTheLastTick) {
    Clock clock;
    clock.tick(seconds(1000), ahead + seconds(1000));
    EXPECT_EQ(clock.now(), seconds(1000));
    EXPECT_EQ(clock.at(ahead + seconds(990)), seconds(990));
    EXPECT_EQ(clock.at(ahead + seconds(1000) - 1), seconds(1000) - 1);
    EXPECT_EQ(clock.at(ahead + seconds(1000)), seconds(1000));
}

TEST(Clock, GoesOnFromTickToTick) {
    Clock clock;
    clock.tick(seconds(1000), ahead + seconds(1000));
    clock.tick(seconds(1010), ahead + seconds(1010));
    EXPECT_EQ(clock.now(), seconds(1010));
    EXPECT_EQ(clock.at(ahead + seconds(1007)), seconds(1007));
}

// Made after the tick, or before the clock was set back.
TEST(Clock, StampIsNeverInTheFuture) {
    Clock clock;
    clock.tick(seconds(1000), ahead + seconds(1000));
    EXPECT_EQ(clock.at(ahead + seconds(1000) + 1), seconds(1000));
    EXPECT_EQ(clock.at(ahead + seconds(1000) + hour), seconds(1000));
}

TEST(Clock, StampFromBeforeTheFirstTick) {
    Clock clock;
    clock.tick(seconds(10), ahead + seconds(10));
    EXPECT_EQ(clock.at(ahead - hour), -hour);
}

TEST(Clock, FirstTickIsNoJump) {
    Clock clock;
    clock.tick(seconds(1000), seconds(1010));
    EXPECT_EQ(clock.at(seconds(990)), seconds(980));
}

TEST(Clock, StampFromEitherSideOfAJump) {
    for (const Timestamp jump : {hour, -hour}) {
        Clock clock;
        clock.tick(seconds(1000), ahead + seconds(1000));
        clock.tick(seconds(1010), ahead + seconds(1010) + jump);
        EXPECT_EQ(clock.at(ahead + seconds(1003)), seconds(1003)) << "before a jump of " << jump;
        EXPECT_EQ(clock.at(ahead + seconds(1007) + jump), seconds(1007)) << "after a jump of " << jump;
        EXPECT_EQ(clock.at(ahead + seconds(1010) + jump), seconds(1010)) << "now, after a jump of " << jump;
    }
}

// A jump shorter than the time between the ticks: both readings are possible.
TEST(Clock, InDoubtAssumesTheShorterTime) {
    for (const Timestamp jump : {seconds(4), -seconds(4)}) {
        Clock clock;
        clock.tick(seconds(1000), ahead + seconds(1000));
        clock.tick(seconds(1010), ahead + seconds(1010) + jump);
        EXPECT_EQ(clock.at(ahead + seconds(1003)), seconds(1003) + (jump < 0 ? -jump : 0));
        EXPECT_EQ(clock.at(ahead + seconds(1006) + jump), seconds(1006) + (jump > 0 ? jump : 0));
    }
}

TEST(Clock, UnknowableStampIsNow) {
    Clock clock;
    clock.tick(seconds(1000), ahead + seconds(1000));
    clock.tick(seconds(1010), ahead + seconds(1010) - hour);
    EXPECT_EQ(clock.at(ahead + seconds(1010) + hour), seconds(1010));
}

TEST(Clock, ForgetsAJumpAtTheTickAfter) {
    for (const Timestamp jump : {hour, -hour}) {
        Clock clock;
        clock.tick(seconds(1000), ahead + seconds(1000));
        clock.tick(seconds(1010), ahead + seconds(1010) + jump);
        clock.tick(seconds(1010) + 2 * hour, ahead + seconds(1010) + 2 * hour + jump);
        EXPECT_EQ(clock.at(ahead + seconds(1020) + jump), seconds(1020));
        EXPECT_EQ(clock.at(ahead + seconds(1010) + 2 * hour + jump), seconds(1010) + 2 * hour);
    }
}

TEST(Clock, OneJumpAfterTheOther) {
    Clock clock;
    Timestamp offset = ahead;
    Timestamp now = seconds(1000);
    clock.tick(now, now + offset);
    for (const Timestamp jump : {hour, hour, -hour, -3 * hour, hour, 10 * hour, -hour}) {
        const Timestamp before = now + seconds(3) + offset;
        offset += jump;
        const Timestamp after = now + seconds(6) + offset;
        now += seconds(10);
        clock.tick(now, now + offset);
        EXPECT_EQ(clock.at(before), now - seconds(7));
        EXPECT_EQ(clock.at(after), now - seconds(4));
    }
}

// The wall clock was set back, the stamp was made, the clock was set right: no tick saw a jump. But what was
// not there at the tick before is not older than that.
TEST(Clock, StampIsNeverOlderThanTheTickBefore) {
    for (const Timestamp rest : {Timestamp{0}, -hour / 2, hour}) {
        Clock clock;
        clock.tick(seconds(1000), ahead + seconds(1000));
        clock.tick(seconds(1010), ahead + seconds(1010) + rest);
        EXPECT_GE(clock.at(ahead + seconds(1005) - hour), seconds(1005)) << "the clock is off by " << rest;
    }
}

// It was made just before the tick, and stood in the table just after.
TEST(Clock, StampFromJustBeforeTheLastTick) {
    Clock clock;
    clock.tick(seconds(1000), ahead + seconds(1000));
    clock.tick(seconds(1010), ahead + seconds(1010));
    EXPECT_EQ(clock.at(ahead + seconds(1000) - milliseconds(5)), seconds(1000) - milliseconds(5));
}

// Whoever slews a clock does so by at most half a millisecond a second.
// However small: of both readings the later one that is not in the future.
TEST(Clock, SmallestStepIsAJump) {
    Clock gains;
    gains.tick(seconds(1000), ahead + seconds(1000));
    gains.tick(seconds(1010), ahead + seconds(1010) + 1);
    EXPECT_EQ(gains.at(ahead + seconds(1005)), seconds(1005));
    Clock loses;
    loses.tick(seconds(1000), ahead + seconds(1000));
    loses.tick(seconds(1010), ahead + seconds(1010) - 1);
    EXPECT_EQ(loses.at(ahead + seconds(1009)), seconds(1009) + 1);
}

// Late by no more than it drifted since the tick before.
TEST(Clock, FollowsADriftHoweverFarItGoes) {
    Clock clock;
    Timestamp offset = ahead;
    Timestamp now = seconds(1000);
    clock.tick(now, now + offset);
    for (int i = 0; i < 1000; ++i) {
        now += seconds(10);
        offset += milliseconds(5);
        clock.tick(now, now + offset);
        ASSERT_GE(clock.at(now + offset - seconds(5)), now - seconds(5)) << i;
        ASSERT_LE(clock.at(now + offset - seconds(5)), now - seconds(5) + milliseconds(5)) << i;
    }
}

} // namespace sessionctl::test
