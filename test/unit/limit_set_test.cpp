#include "core/admission/limit_set.hpp"
#include "support.hpp"

#include <random>
#include <set>

namespace sessionctl::test {

using core::LimitSet;

namespace {

std::set<int> numbers_in(const LimitSet& set) {
    std::set<int> numbers;
    set.for_each([&](int number) { EXPECT_TRUE(numbers.insert(number).second); });
    return numbers;
}

} // namespace

TEST(LimitSet, HasWhatWasAdded) {
    LimitSet set = {};
    EXPECT_TRUE(set.is_empty());
    for (const int number : {0, 63, 64, 127, 128, 255}) {
        EXPECT_FALSE(set.has(number));
        set.add(number);
        EXPECT_TRUE(set.has(number));
    }
    EXPECT_EQ(numbers_in(set), (std::set<int>{0, 63, 64, 127, 128, 255}));
    EXPECT_EQ(set.next(1), 63);
    EXPECT_EQ(set.next(129), 255);
    EXPECT_EQ(set.next(256), -1);
    set.remove(255);
    EXPECT_EQ(set.next(129), -1);
    EXPECT_FALSE(set.is_empty());
}

TEST(LimitSet, AgreesWithAPlainSet) {
    std::mt19937 random(21);
    for (int round = 0; round < 200; ++round) {
        LimitSet one = {}, other = {};
        std::set<int> ones, others, common, all;
        for (unsigned i = random() % 40; i > 0; --i) {
            const int number = static_cast<int>(random() % LimitSet::capacity);
            (i % 2 == 0 ? one : other).add(number);
            (i % 2 == 0 ? ones : others).insert(number);
            all.insert(number);
        }
        for (const int number : ones)
            if (others.count(number) > 0)
                common.insert(number);
        EXPECT_EQ(numbers_in(one), ones);
        EXPECT_EQ(numbers_in(one & other), common);
        EXPECT_EQ(one == other, ones == others);
        one.add(other);
        EXPECT_EQ(numbers_in(one), all);
        EXPECT_EQ(one.is_empty(), all.empty());
    }
}

} // namespace sessionctl::test
