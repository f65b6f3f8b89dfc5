// When rules are checked, and how a failing one backs off.
#include "core/rules/check_times.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::CheckTimes;

TEST(CheckTimes, TheFirstCheckIsDueAtOnce) {
    const CheckTimes times;
    EXPECT_TRUE(times.is_due(0));
}

TEST(CheckTimes, TheNextIsDueAtTheNextMultiple) {
    CheckTimes times;
    times.checked(milliseconds(10300), seconds(1));
    EXPECT_EQ(times.next(), seconds(11));
    EXPECT_FALSE(times.is_due(seconds(11) - 1));
    EXPECT_TRUE(times.is_due(seconds(11)));
    times.checked(seconds(11), seconds(1));
    EXPECT_EQ(times.next(), seconds(12));
    times.checked(seconds(12) + 1, seconds(5));
    EXPECT_EQ(times.next(), seconds(15));
}

TEST(CheckTimes, RulesShareTheirLooksWhateverTheirIntervals) {
    CheckTimes times;
    times.checked(seconds(10), milliseconds(1001));
    EXPECT_EQ(times.next(), milliseconds(10100)); // 10 * 1001 is 10010
    times.checked(milliseconds(10100), milliseconds(100));
    EXPECT_EQ(times.next(), milliseconds(10200));
}

TEST(CheckTimes, AFailingRuleBacksOffToAMinute) {
    CheckTimes times;
    core::Timestamp now = milliseconds(10300);
    bool is_first = true;
    for (const int pause : {1, 2, 4, 8, 16, 32, 60, 60}) {
        EXPECT_EQ(times.failed(now), is_first);
        EXPECT_EQ(times.next(), now + seconds(pause));
        now = times.next();
        is_first = false;
    }
}

TEST(CheckTimes, ASuccessEndsTheBackOff) {
    CheckTimes times;
    times.failed(0);
    times.failed(0);
    times.checked(0, seconds(1));
    EXPECT_EQ(times.next(), seconds(1));
    EXPECT_TRUE(times.failed(0)) << "worth a line again";
    EXPECT_EQ(times.next(), seconds(1));
}

TEST(CheckTimes, AChangedRuleIsDueAtOnce) {
    CheckTimes times;
    times.failed(0);
    times.failed(0);
    times.changed();
    EXPECT_TRUE(times.is_due(0));
    EXPECT_TRUE(times.failed(0));
}

} // namespace sessionctl::test
