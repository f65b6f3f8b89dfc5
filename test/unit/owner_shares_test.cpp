// Whose rules take more than their share of the time.
#include "core/rules/owner_shares.hpp"
#include "support.hpp"

namespace sessionctl::test {

namespace {

constexpr std::uint32_t one_owner = 10, other_owner = 11;

} // namespace

TEST(OwnerShares, AFifthOfASecondAtOnceIsFree) {
    core::OwnerShares shares;
    EXPECT_FALSE(shares.are_used_up(one_owner, 0));
    shares.used(one_owner, milliseconds(200), milliseconds(200));
    EXPECT_FALSE(shares.are_used_up(one_owner, milliseconds(200)));
    shares.used(one_owner, milliseconds(1), milliseconds(201));
    EXPECT_TRUE(shares.are_used_up(one_owner, milliseconds(201)));
    EXPECT_FALSE(shares.are_used_up(other_owner, milliseconds(201)));
}

TEST(OwnerShares, MoreIsMadeUpForByFiveTimesAsLong) {
    core::OwnerShares shares;
    shares.used(one_owner, milliseconds(300), seconds(10));
    EXPECT_TRUE(shares.are_used_up(one_owner, seconds(10) + milliseconds(499)));
    EXPECT_FALSE(shares.are_used_up(one_owner, seconds(10) + milliseconds(500)));
}

TEST(OwnerShares, AFifthOfTheTimeIsFreeForEver) {
    core::OwnerShares shares;
    for (int second = 1; second <= 100; ++second) {
        shares.used(one_owner, milliseconds(200), seconds(second));
        EXPECT_FALSE(shares.are_used_up(one_owner, seconds(second)));
    }
}

TEST(OwnerShares, ALittleMoreThanAFifthIsNotForLong) {
    core::OwnerShares shares;
    for (int second = 1; second <= 100; ++second) {
        shares.used(one_owner, milliseconds(210), seconds(second));
        shares.used(other_owner, milliseconds(100), seconds(second));
    }
    EXPECT_TRUE(shares.are_used_up(one_owner, seconds(100)));
    EXPECT_FALSE(shares.are_used_up(other_owner, seconds(100)));
}

} // namespace sessionctl::test
