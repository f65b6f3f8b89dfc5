// Whose rules take more than their share of the time.
#include "core/rules/owner_shares.hpp"
#include "support.hpp"

namespace sessionctl::test {

namespace {

constexpr core::Timestamp ms = core::microseconds_per_millisecond;
constexpr std::uint32_t ops = 10, app = 11;

} // namespace

TEST(OwnerShares, AFifthOfASecondAtOnceIsFree) {
    core::OwnerShares shares;
    EXPECT_FALSE(shares.are_used_up(ops, 0));
    shares.used(ops, 200 * ms, 200 * ms);
    EXPECT_FALSE(shares.are_used_up(ops, 200 * ms));
    shares.used(ops, 1 * ms, 201 * ms);
    EXPECT_TRUE(shares.are_used_up(ops, 201 * ms));
    EXPECT_FALSE(shares.are_used_up(app, 201 * ms));
}

TEST(OwnerShares, MoreIsMadeUpForByFiveTimesAsLong) {
    core::OwnerShares shares;
    shares.used(ops, 300 * ms, seconds(10));
    EXPECT_TRUE(shares.are_used_up(ops, seconds(10) + 499 * ms));
    EXPECT_FALSE(shares.are_used_up(ops, seconds(10) + 500 * ms));
}

TEST(OwnerShares, AFifthOfTheTimeIsFreeForEver) {
    core::OwnerShares shares;
    for (int second = 1; second <= 100; ++second) {
        shares.used(ops, 200 * ms, seconds(second));
        EXPECT_FALSE(shares.are_used_up(ops, seconds(second)));
    }
}

TEST(OwnerShares, ALittleMoreThanAFifthIsNotForLong) {
    core::OwnerShares shares;
    for (int second = 1; second <= 100; ++second) {
        shares.used(ops, 210 * ms, seconds(second));
        shares.used(app, 100 * ms, seconds(second));
    }
    EXPECT_TRUE(shares.are_used_up(ops, seconds(100)));
    EXPECT_FALSE(shares.are_used_up(app, seconds(100)));
}

} // namespace sessionctl::test
