#include "core/length_of_time.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::Timestamp;

namespace {

std::string length(Timestamp microseconds) {
    return str(core::length_of_time(microseconds));
}

} // namespace

TEST(LengthOfTime, IsInTheLargestUnitThatFits) {
    EXPECT_EQ(length(milliseconds(1)), "1 ms");
    EXPECT_EQ(length(milliseconds(999)), "999 ms");
    EXPECT_EQ(length(seconds(1)), "1 s");
    EXPECT_EQ(length(seconds(59)), "59 s");
    EXPECT_EQ(length(minute), "1 min");
    EXPECT_EQ(length(59 * minute), "59 min");
    EXPECT_EQ(length(hour), "1 h");
    EXPECT_EQ(length(23 * hour), "23 h");
    EXPECT_EQ(length(day), "1 d");
    EXPECT_EQ(length(400 * day), "400 d");
}

TEST(LengthOfTime, HasOneDecimalWhereItIsNotZero) {
    EXPECT_EQ(length(milliseconds(1500)), "1.5 s");
    EXPECT_EQ(length(milliseconds(1099)), "1 s");
    EXPECT_EQ(length(milliseconds(1100)), "1.1 s");
    EXPECT_EQ(length(minute + seconds(30)), "1.5 min");
    EXPECT_EQ(length(12 * minute), "12 min");
    EXPECT_EQ(length(hour + 54 * minute), "1.9 h");
    EXPECT_EQ(length(10 * day + 12 * hour), "10.5 d");
}

// It never says more than it was: what is over a limit of 1 min does not last "1 min" at 59.99 s.
TEST(LengthOfTime, IsNeverRoundedUp) {
    EXPECT_EQ(length(seconds(1) - 1), "999 ms");
    EXPECT_EQ(length(seconds(2) - 1), "1.9 s");
    EXPECT_EQ(length(minute - 1), "59.9 s");
    EXPECT_EQ(length(hour - 1), "59.9 min");
    EXPECT_EQ(length(day - 1), "23.9 h");
}

TEST(LengthOfTime, HasNoPartsOfAMillisecond) {
    EXPECT_EQ(length(1999), "1 ms");
    EXPECT_EQ(length(999), "0 ms");
    EXPECT_EQ(length(0), "0 ms");
    EXPECT_EQ(length(-1), "0 ms");
}

TEST(LengthOfTime, SurvivesTheLongestLimit) {
    EXPECT_EQ(length(milliseconds(2147483647)), "24.8 d");
}

TEST(ExactTime, NamesALimitAsItIs) {
    EXPECT_EQ(str(core::exact_time(1)), "1 ms");
    EXPECT_EQ(str(core::exact_time(999)), "999 ms");
    EXPECT_EQ(str(core::exact_time(1000)), "1 s");
    EXPECT_EQ(str(core::exact_time(1500)), "1500 ms");
    EXPECT_EQ(str(core::exact_time(61 * 1000)), "61 s");
    EXPECT_EQ(str(core::exact_time(120 * 1000)), "2 min");
    EXPECT_EQ(str(core::exact_time(3600 * 1000)), "1 h");
    EXPECT_EQ(str(core::exact_time(90 * 60 * 1000)), "90 min");
    EXPECT_EQ(str(core::exact_time(86400 * 1000)), "1 d");
    EXPECT_EQ(str(core::exact_time(INT32_MAX)), "2147483647 ms");
}

} // namespace sessionctl::test
