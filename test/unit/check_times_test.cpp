// When rules are checked, and how a failing one backs off.
#include "core/rules/check_times.hpp"
#include "support.hpp"

#include <vector>

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
    EXPECT_TRUE(times.failed(seconds(60))) << "worth a line again";
    EXPECT_EQ(times.next(), seconds(61));
}

TEST(CheckTimes, AChangedRuleIsDueAtOnce) {
    CheckTimes times;
    times.failed(0);
    times.failed(0);
    times.changed();
    EXPECT_TRUE(times.is_due(0));
    EXPECT_TRUE(times.failed(0));
}

TEST(CheckTimes, TheOneThatHasBeenDueForLongestComesFirst) {
    CheckTimes late, later, waiting, failing;
    late.checked(seconds(10), seconds(1));
    later.checked(seconds(8), seconds(1));
    waiting.checked(seconds(12), seconds(1));
    failing.failed(seconds(9));
    const CheckTimes fresh;
    const auto due = [&](core::Timestamp now) {
        const core::vector<std::size_t> places =
            core::due_checks({&late, nullptr, &later, &waiting, &fresh, &failing, &later}, now);
        return std::vector<std::size_t>(places.begin(), places.end());
    };
    EXPECT_EQ(due(seconds(8)), (std::vector<std::size_t>{4}));
    EXPECT_EQ(due(seconds(12)), (std::vector<std::size_t>{4, 2, 6, 5, 0}));
    EXPECT_TRUE(core::due_checks({}, seconds(12)).empty());
}

TEST(CheckTimes, WhereOneLookReachesOnlyOneRuleEachHasItsTurn) {
    CheckTimes rules[3];
    std::vector<std::size_t> checked;
    for (core::Timestamp now = seconds(1); checked.size() < 7; now += seconds(1)) {
        const std::size_t first = core::due_checks({&rules[0], &rules[1], &rules[2]}, now)[0];
        rules[first].checked(now, milliseconds(100));
        checked.push_back(first);
    }
    EXPECT_EQ(checked, (std::vector<std::size_t>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(CheckTimes, AFailureEveryOtherCheckIsToldOnceAMinute) {
    CheckTimes times;
    core::Timestamp now = seconds(1000);
    EXPECT_TRUE(times.failed(now));
    for (int i = 0; i < 30; ++i) {
        times.checked(now += seconds(1), seconds(1));
        EXPECT_FALSE(times.failed(now += seconds(1) - 1));
    }
    times.checked(now += seconds(1), seconds(1));
    EXPECT_TRUE(times.failed(now));
}

} // namespace sessionctl::test
