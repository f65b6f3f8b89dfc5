#include "pg/reaper/reaper_lock.hpp"

#include "pg/error.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace sessionctl::pg {

namespace {

/// Advisory locks of database 0, to which no session connects: no user can take them.
constexpr uint32 key = 0x70677363; // "pgsc"
constexpr uint16 two_integers = 2; // as in pg_locks.objsubid
enum Purpose : uint32 { reaper = 1, stop = 2 };

LOCKTAG tag_of(Purpose purpose) noexcept {
    LOCKTAG tag;
    SET_LOCKTAG_ADVISORY(tag, InvalidOid, key, purpose, two_integers);
    return tag;
}

bool acquire(Purpose purpose, bool for_session) {
    return call([=] {
        const LOCKTAG tag = tag_of(purpose);
        return LockAcquire(&tag, ExclusiveLock, for_session, true) != LOCKACQUIRE_NOT_AVAIL;
    });
}

bool is(const LOCKTAG& a, const LOCKTAG& b) noexcept {
    return std::memcmp(&a, &b, sizeof a) == 0;
}

int holder_of(Purpose purpose) {
    return call([purpose] {
        const LOCKTAG tag = tag_of(purpose);
        const LockData* const locks = GetLockStatusData();
        for (int i = 0; i < locks->nelements; ++i)
            if (is(locks->locks[i].locktag, tag) && locks->locks[i].holdMask != 0)
                return locks->locks[i].pid;
        return 0;
    });
}

} // namespace

bool acquire_reaper_lock() {
    return acquire(reaper, true);
}

int reaper_pid() {
    return holder_of(reaper);
}

bool acquire_stop_lock() {
    return acquire(stop, false);
}

bool is_stop_wanted() {
    return holder_of(stop) != 0;
}

} // namespace sessionctl::pg
