#include "core/sessions/options.hpp"
#include "support.hpp"

#include <limits>

namespace sessionctl::test {

using core::Interval;
using core::KeepWhich;

namespace {

constexpr auto largest = std::numeric_limits<std::int64_t>::max();
constexpr auto smallest = std::numeric_limits<std::int64_t>::min();
constexpr auto largest_int = std::numeric_limits<std::int32_t>::max();
constexpr auto smallest_int = std::numeric_limits<std::int32_t>::min();

constexpr Interval microseconds(std::int64_t n) {
    return {n, 0, 0, false};
}
constexpr Interval infinite = {largest, largest_int, largest_int, true};
constexpr Interval minus_forever = {smallest, smallest_int, smallest_int, true};

void expect_refused_timeout(const Interval& interval, const char* message) {
    const core::Error error = error_of([&] { core::checked_timeout(interval); });
    EXPECT_STREQ(error.sqlstate(), "22023");
    EXPECT_STREQ(error.what(), message);
    EXPECT_NE(std::string(error.hint()).find("write '5 s'"), std::string::npos) << error.hint();
}

void expect_refused_step(const Interval& interval, const char* message) {
    const core::Error error = error_of([&] { core::checked_step(interval); });
    EXPECT_STREQ(error.sqlstate(), "22023");
    EXPECT_STREQ(error.what(), message);
    EXPECT_NE(std::string(error.hint()).find("write '2 s'"), std::string::npos) << error.hint();
}

} // namespace

TEST(StepOption, IsATimeToWait) {
    EXPECT_EQ(core::checked_step(microseconds(1)), 1);
    EXPECT_EQ(core::checked_step(microseconds(hour)), core::longest_timeout_ms);
    expect_refused_step(microseconds(0), "step must be longer than '0'");
    expect_refused_step(microseconds(-1), "step must not be negative");
    expect_refused_step(microseconds(hour + 1), "step must not be longer than one hour");
    expect_refused_step(infinite, "step must not be infinite");
}

TEST(Timeout, IsInMilliseconds) {
    EXPECT_EQ(core::checked_timeout(microseconds(0)), 0);
    EXPECT_EQ(core::checked_timeout(microseconds(5000000)), 5000);
    EXPECT_EQ(core::checked_timeout({-24 * hour + 1000, 1, 0, false}), 1);
    EXPECT_EQ(core::checked_timeout({-30 * 24 * hour + 2000, 0, 1, false}), 2);
    EXPECT_EQ(core::checked_timeout({2000, 30, -1, false}), 2);
}

TEST(Timeout, IsRoundedUpSoThatShortIsNotNone) {
    EXPECT_EQ(core::checked_timeout(microseconds(1)), 1);
    EXPECT_EQ(core::checked_timeout(microseconds(1000)), 1);
    EXPECT_EQ(core::checked_timeout(microseconds(1001)), 2);
    EXPECT_EQ(core::checked_timeout({-24 * hour + 1, 1, 0, false}), 1);
}

TEST(Timeout, EndsAtOneHour) {
    EXPECT_EQ(core::checked_timeout(microseconds(hour)), core::longest_timeout_ms);
    expect_refused_timeout(microseconds(hour + 1), "timeout must not be longer than one hour");
    expect_refused_timeout({0, 1, 0, false}, "timeout must not be longer than one hour");
    expect_refused_timeout({0, 0, 1, false}, "timeout must not be longer than one hour");
}

TEST(Timeout, IsNotNegative) {
    expect_refused_timeout(microseconds(-1), "timeout must not be negative");
    expect_refused_timeout(microseconds(-1000), "timeout must not be negative");
    expect_refused_timeout({0, -1, 0, false}, "timeout must not be negative");
    expect_refused_timeout({0, 0, -1, false}, "timeout must not be negative");
}

TEST(Timeout, IsNotNegativeByLessThanAMillisecond) {
    expect_refused_timeout(microseconds(-1), "timeout must not be negative");
    expect_refused_timeout({24 * hour - 1, -1, 0, false}, "timeout must not be negative");
    EXPECT_TRUE(core::is_negative({24 * hour - 1, -1, 0, false}));
    EXPECT_FALSE(core::is_negative({24 * hour + 1, -1, 0, false}));
}

TEST(Timeout, IsFinite) {
    expect_refused_timeout(infinite, "timeout must not be infinite");
    expect_refused_timeout(minus_forever, "timeout must not be infinite");
}

TEST(Timeout, SurvivesTheLargestIntervals) {
    const char* const longer = "timeout must not be longer than one hour";
    const char* const negative = "timeout must not be negative";
    expect_refused_timeout(microseconds(largest), longer);
    expect_refused_timeout(microseconds(smallest), negative);
    expect_refused_timeout({0, largest_int, 0, false}, longer);
    expect_refused_timeout({0, smallest_int, 0, false}, negative);
    expect_refused_timeout({0, 0, largest_int, false}, longer);
    expect_refused_timeout({0, 0, smallest_int, false}, negative);
    expect_refused_timeout({largest, largest_int, largest_int, false}, longer);
    expect_refused_timeout({smallest, smallest_int, smallest_int, false}, negative);
}

TEST(IsNegative, CountsAMonthAsThirtyDays) {
    EXPECT_FALSE(core::is_negative(microseconds(0)));
    EXPECT_FALSE(core::is_negative(microseconds(1)));
    EXPECT_TRUE(core::is_negative(microseconds(-1)));
    EXPECT_FALSE(core::is_negative({0, -30, 1, false}));
    EXPECT_TRUE(core::is_negative({0, -31, 1, false}));
    EXPECT_FALSE(core::is_negative({0, 100 * 365, 0, false}));
    EXPECT_TRUE(core::is_negative(minus_forever));
    EXPECT_FALSE(core::is_negative(infinite));
    EXPECT_TRUE(core::is_negative({0, smallest_int, smallest_int, false}));
}

TEST(KeepWhichOption, KnowsFourWords) {
    for (const KeepWhich which :
         {KeepWhich::oldest, KeepWhich::newest, KeepWhich::busiest, KeepWhich::longest})
        EXPECT_EQ(core::checked_keep_which(core::keep_which_name(which)), which);
    EXPECT_EQ(core::checked_keep_which("oldest"), KeepWhich::oldest);
    EXPECT_EQ(core::checked_keep_which("newest"), KeepWhich::newest);
    EXPECT_EQ(core::checked_keep_which("busiest"), KeepWhich::busiest);
    EXPECT_EQ(core::checked_keep_which("longest"), KeepWhich::longest);
}

TEST(KeepWhichOption, RefusesAllOthersWithTheFourInTheHint) {
    const std::string long_word(5000, 'x');
    for (const std::string_view word :
         {std::string_view(""), std::string_view("old"), std::string_view("Oldest"),
          std::string_view("oldest "), std::string_view(long_word)}) {
        const core::Error error = error_of([&] { core::checked_keep_which(word); });
        EXPECT_STREQ(error.sqlstate(), "22023");
        for (const char* const allowed : {"'oldest'", "'newest'", "'busiest'", "'longest'"})
            EXPECT_NE(std::string(error.hint()).find(allowed), std::string::npos) << error.hint();
    }
    EXPECT_STREQ(error_of([] { core::checked_keep_which("idlest"); }).what(),
                 "unrecognized keep_which \"idlest\"");
}

TEST(KeepOption, IsNotNegative) {
    EXPECT_EQ(core::checked_keep(0), 0);
    EXPECT_EQ(core::checked_keep(largest_int), largest_int);
    EXPECT_STREQ(error_of([] { core::checked_keep(-1); }).sqlstate(), "22023");
    EXPECT_STREQ(error_of([] { core::checked_keep(smallest_int); }).what(), "keep must not be negative");
}

TEST(RefuseAboveOption, IsNotNegative) {
    EXPECT_EQ(core::checked_refuse_above(0), 0);
    EXPECT_EQ(core::checked_refuse_above(largest_int), largest_int);
    EXPECT_STREQ(error_of([] { core::checked_refuse_above(-1); }).sqlstate(), "22023");
    EXPECT_STREQ(error_of([] { core::checked_refuse_above(smallest_int); }).what(),
                 "refuse_above must not be negative");
}

TEST(CooldownOption, IsBoundedAsTheTimeout) {
    EXPECT_EQ(core::checked_cooldown(microseconds(0)), 0);
    EXPECT_EQ(core::checked_cooldown({0, -30, 1, false}), 0);
    EXPECT_EQ(core::checked_cooldown(microseconds(1)), 1);
    EXPECT_EQ(core::checked_cooldown(microseconds(hour)), 60 * 60 * 1000);
    for (const Interval& interval : {microseconds(hour + 1), microseconds(largest), microseconds(-1),
                                     Interval{0, 1, 0, false}, Interval{0, 0, -1, false}, infinite}) {
        const core::Error error = error_of([&] { core::checked_cooldown(interval); });
        EXPECT_STREQ(error.sqlstate(), "22023");
        EXPECT_EQ(std::string(error.what()).rfind("cooldown must not be ", 0), 0U) << error.what();
        EXPECT_STREQ(error.hint(), core::cooldown_hint);
    }
}

} // namespace sessionctl::test
