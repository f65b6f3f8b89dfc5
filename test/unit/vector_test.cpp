#include "core/memory.hpp"
#include "support.hpp"

namespace sessionctl::test {

namespace {

void expect_refused(const core::Error& error, const char* message) {
    EXPECT_STREQ(error.sqlstate(), "XX000");
    EXPECT_STREQ(error.what(), message);
}

} // namespace

TEST(Vector, WhatIsThere) {
    core::vector<int> numbers = {1, 2, 3};
    numbers[1] = 7;
    numbers.front() = 5;
    numbers.back() = 9;
    const core::vector<int> same = numbers;
    EXPECT_EQ(same, core::vector<int>({5, 7, 9}));
    EXPECT_EQ(same.front() + same[1] + same.back(), 21);
}

TEST(Vector, WhatIsNotThere) {
    core::vector<int> numbers = {1, 2, 3};
    const core::vector<int> none;
    const int before = -1;
    expect_refused(error_of([&] { numbers[3]; }), "there is no element 3 among 3");
    expect_refused(error_of([&] { numbers[before]; }), "there is no element 18446744073709551615 among 3");
    expect_refused(error_of([&] { none[0]; }), "there is no element 0 among 0");
    expect_refused(error_of([&] { none.front(); }), "there is no element 0 among 0");
    EXPECT_STREQ(error_of([&] { none.back(); }).sqlstate(), "XX000");
    EXPECT_STREQ(error_of([&] { numbers.clear(), numbers.back(); }).sqlstate(), "XX000");
}

} // namespace sessionctl::test
