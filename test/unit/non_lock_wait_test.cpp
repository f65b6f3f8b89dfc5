#include "core/locks/non_lock_wait.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::NonLockWait;

namespace {

core::vector<int> numbers(int count) {
    core::vector<int> all;
    for (int i = 1; i <= count; ++i)
        all.push_back(i);
    return all;
}

std::string named(NonLockWait wait, int count) {
    return core::others_in_way(wait, numbers(count)).c_str();
}

std::vector<int> blockers(core::vector<core::BarrierProgress> all, std::uint64_t newest, int waiters) {
    const core::vector<int> pids = core::barrier_blockers(all, newest, waiters);
    return {pids.begin(), pids.end()};
}

constexpr std::uint64_t is_gone = ~std::uint64_t{0};

} // namespace

TEST(NonLockWait, IsKnownByItsEvent) {
    EXPECT_EQ(core::non_lock_wait("SyncRep"), NonLockWait::standby);
    EXPECT_EQ(core::non_lock_wait("SafeSnapshot"), NonLockWait::safe_snapshot);
    EXPECT_EQ(core::non_lock_wait("BufferPin"), NonLockWait::page);
    EXPECT_EQ(core::non_lock_wait("BufferCleanup"), NonLockWait::page);
    EXPECT_EQ(core::non_lock_wait("ProcSignalBarrier"), NonLockWait::barrier);
    EXPECT_EQ(core::non_lock_wait("DataFileRead"), NonLockWait::other);
}

TEST(NonLockWait, SaysWhatItIsForAndWhereToLook) {
    EXPECT_EQ(core::wanted_by(NonLockWait::other), nullptr);
    for (const NonLockWait wait :
         {NonLockWait::standby, NonLockWait::safe_snapshot, NonLockWait::page, NonLockWait::barrier}) {
        EXPECT_STRNE(core::wanted_by(wait), nullptr);
        EXPECT_STRNE(core::hint_about(wait), core::hint_about(NonLockWait::other));
    }
}

TEST(NonLockWait, NamesTheBlockers) {
    EXPECT_EQ(named(NonLockWait::safe_snapshot, 2), "It waits for the transactions of pid 1, 2.");
    EXPECT_EQ(named(NonLockWait::barrier, 1), "It waits for pid 1 to accept a ProcSignalBarrier.");
    EXPECT_EQ(named(NonLockWait::barrier, 0), "");
    EXPECT_NE(named(NonLockWait::page, 21).find("pid 1, 2,"), std::string::npos);
    EXPECT_NE(named(NonLockWait::page, 21).find(", 20 and 1 more."), std::string::npos);
    EXPECT_TRUE(core::knows_blockers(NonLockWait::safe_snapshot));
    EXPECT_TRUE(core::knows_blockers(NonLockWait::barrier));
    EXPECT_FALSE(core::knows_blockers(NonLockWait::page));
    EXPECT_FALSE(core::knows_blockers(NonLockWait::standby));
}

TEST(NonLockWait, BarrierIsBlockedByProcessesThatHaveNotAbsorbedIt) {
    EXPECT_EQ(blockers({{13, 4}, {12, 5}, {11, 3}, {10, is_gone}}, 5, 1), std::vector<int>({11, 13}));
    EXPECT_EQ(blockers({{12, 5}, {10, is_gone}}, 5, 1), std::vector<int>());
}

TEST(NonLockWait, SeveralBarriersAreBlockedByTheProcessesFurthestBehind) {
    EXPECT_EQ(blockers({{13, 4}, {12, 5}, {11, 3}, {14, 3}, {10, is_gone}}, 5, 2),
              std::vector<int>({11, 14}));
    EXPECT_EQ(blockers({{12, 5}, {10, is_gone}}, 5, 2), std::vector<int>());
    EXPECT_EQ(blockers({{10, is_gone}}, 5, 2), std::vector<int>());
}

} // namespace sessionctl::test
