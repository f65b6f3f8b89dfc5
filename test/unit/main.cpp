#include "memory.hpp"

#include <gtest/gtest.h>

#include <cstdio>

namespace {

/// Whatever a test allocated through the core it has to give back.
class LeakCheck final : public testing::EmptyTestEventListener {
    void OnTestStart(const testing::TestInfo&) override { before_ = sessionctl::test::live_blocks(); }
    void OnTestEnd(const testing::TestInfo& test) override {
        EXPECT_EQ(sessionctl::test::live_blocks(), before_) << test.name() << " leaks";
    }

    std::size_t before_ = 0;
};

} // namespace

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    testing::UnitTest::GetInstance()->listeners().Append(new LeakCheck);
    const int result = RUN_ALL_TESTS();
    // The brief output leaves this line out.
    if (const int failed = testing::UnitTest::GetInstance()->failed_test_count())
        std::printf("[  FAILED  ] %d tests.\n", failed);
    return result;
}
