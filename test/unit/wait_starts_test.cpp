// Since when there has been a wait, and which waits are the same.
#include "core/locks/wait_starts.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::LockWait;
using core::Timestamp;

namespace {

constexpr Timestamp one_ms = core::microseconds_per_millisecond;
constexpr Timestamp wall_at_0 = 1000 * core::microseconds_per_second; // at monotonic 0

LockWait wait_of(int pid, Timestamp since = 0) {
    LockWait wait = {{pid, 5}, 9, 42};
    wait.since = since != 0 ? wall_at_0 + since : 0;
    return wait;
}

class Waits : public ::testing::Test {
  protected:
    void look(Timestamp at, const core::vector<LockWait>& waits) {
        starts.look(at, wall_at_0 + jump + at, waits);
    }
    Timestamp start_of(const LockWait& wait) { return starts.of(wait).monotonic; }

    core::WaitStarts starts;
    Timestamp jump = 0; // of the wall clock
};

} // namespace

TEST_F(Waits, BeginWhereTheServerSaysSo) {
    const LockWait wait = wait_of(1, 700 * one_ms);
    look(900 * one_ms, {wait});
    EXPECT_EQ(start_of(wait), 700 * one_ms);
    EXPECT_EQ(starts.of(wait).wall, wait.since);
}

TEST_F(Waits, OrWhenTheyAreSeenFirst) {
    const LockWait wait = wait_of(1);
    look(900 * one_ms, {wait});
    look(950 * one_ms, {wait});
    EXPECT_EQ(start_of(wait), 900 * one_ms);
    EXPECT_EQ(starts.of(wait).wall, wall_at_0 + 900 * one_ms);
}

TEST_F(Waits, AreForgottenWhenTheyWereNotSeen) {
    const LockWait wait = wait_of(1);
    look(900 * one_ms, {wait});
    look(950 * one_ms, {});
    look(990 * one_ms, {wait});
    EXPECT_EQ(start_of(wait), 990 * one_ms);
}

TEST_F(Waits, OfAnotherAttemptBeginAnew) {
    const LockWait first = wait_of(1);
    look(900 * one_ms, {first});
    LockWait changed[7];
    for (LockWait& each : changed)
        each = first;
    changed[0].waiter.start = 6;
    changed[1].statement = 10;
    changed[2].lock = 43;
    changed[3].mode = 8;
    changed[4].xact_start = 8;
    changed[5].attempt = 777;
    changed[6].since = wall_at_0 + 940 * one_ms;
    for (const LockWait& each : changed) {
        EXPECT_EQ(start_of(each), 900 * one_ms) << "not known: at the last look";
        look(950 * one_ms, {each});
        EXPECT_EQ(start_of(each), each.since != 0 ? 940 * one_ms : 950 * one_ms);
        look(900 * one_ms, {first}); // as before
    }
}

TEST_F(Waits, OfManyProcesses) {
    core::vector<LockWait> waits;
    for (const int pid : {7, 3, 9, 3, 1})
        waits.push_back(wait_of(pid));
    waits[3].lock = 43; // two processes of one parallel query
    look(100 * one_ms, waits);
    waits.push_back(wait_of(5));
    look(200 * one_ms, waits);
    for (const int i : {0, 1, 2, 3, 4})
        EXPECT_EQ(start_of(waits[i]), 100 * one_ms);
    EXPECT_EQ(start_of(waits[5]), 200 * one_ms);
    EXPECT_EQ(start_of(wait_of(4)), 200 * one_ms) << "one that is not known began after the look";
}

TEST_F(Waits, AJumpOfTheWallClockMakesNoneLonger) {
    const LockWait wait = wait_of(1, 1000 * one_ms);
    look(900 * one_ms, {});
    jump = 3600 * 1000 * one_ms;
    look(1200 * one_ms, {wait});
    EXPECT_GE(start_of(wait), 1000 * one_ms);
    const LockWait later = wait_of(2, 3600 * 1000 * one_ms + 1300 * one_ms);
    jump = 0;
    look(1400 * one_ms, {wait, later});
    EXPECT_GE(start_of(wait), 1000 * one_ms);
    EXPECT_GE(start_of(later), 1300 * one_ms);
}

} // namespace sessionctl::test
