#include "core/locks/lock_mode.hpp"
#include "support.hpp"

namespace sessionctl::test {

TEST(LockMode, NamesOfPgLocks) {
    EXPECT_EQ(core::checked_lock_mode("AccessShareLock"), 1);
    EXPECT_EQ(core::checked_lock_mode("ShareUpdateExclusiveLock"), 4);
    EXPECT_EQ(core::checked_lock_mode("AccessExclusiveLock"), 8);
}

TEST(LockMode, NamesOfLockTable) {
    EXPECT_EQ(core::checked_lock_mode("ACCESS SHARE"), 1);
    EXPECT_EQ(core::checked_lock_mode("row share"), 2);
    EXPECT_EQ(core::checked_lock_mode("ROW EXCLUSIVE"), 3);
    EXPECT_EQ(core::checked_lock_mode("SHARE"), 5);
    EXPECT_EQ(core::checked_lock_mode("SHARE ROW EXCLUSIVE"), 6);
    EXPECT_EQ(core::checked_lock_mode("Exclusive"), 7);
}

TEST(LockMode, OthersAreRefused) {
    for (const char* const name :
         {"", "lock", "Lock", "AccessShareLocks", "5", "SIReadLock", "access-share"}) {
        const core::Error error = error_of([name] { core::checked_lock_mode(name); });
        EXPECT_STREQ(error.sqlstate(), "22023") << name;
        EXPECT_NE(std::string(error.hint()).find("ShareRowExclusiveLock, ExclusiveLock"), std::string::npos);
    }
}

} // namespace sessionctl::test
