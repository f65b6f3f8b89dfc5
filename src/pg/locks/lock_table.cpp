#include "pg/locks/lock_table.hpp"

#include "pg/error.hpp"

namespace sessionctl::pg {

namespace {

bool is_here(const LOCKTAG& tag) noexcept {
    return tag.locktag_field1 == MyDatabaseId || tag.locktag_field1 == InvalidOid;
}

} // namespace

bool is_on(const LockInstanceData& lock, const core::vector<Oid>& relations, LOCKMODE least) noexcept {
    return lock.locktag.locktag_type == LOCKTAG_RELATION && is_here(lock.locktag) &&
           (lock.holdMask >> least != 0 || lock.waitLockMode >= least) &&
           std::binary_search(relations.begin(), relations.end(), lock.locktag.locktag_field2);
}

LockTable::LockTable() : data_(call([] { return GetLockStatusData(); })) {}

core::vector<int> LockTable::interested_in(const core::vector<Oid>& relations, LOCKMODE least) const {
    core::vector<int> pids;
    for (const LockInstanceData& entry : *this)
        if (entry.pid != 0 && is_on(entry, relations, least))
            pids.push_back(entry.pid);
    core::sort_once_each(pids);
    return pids;
}

core::vector<int> LockTable::sharing_a_table_with(int pid) const {
    const auto holds_relation = [](const LockInstanceData& entry, LOCKMODE least) {
        return entry.locktag.locktag_type == LOCKTAG_RELATION && entry.holdMask >> least != 0;
    };
    core::vector<int> pids;
    for (const LockInstanceData& own : *this) {
        if (own.pid != pid || !holds_relation(own, ShareUpdateExclusiveLock))
            continue;
        for (const LockInstanceData& entry : *this)
            if (entry.pid != 0 && entry.pid != pid && holds_relation(entry, AccessShareLock) &&
                std::memcmp(&entry.locktag, &own.locktag, sizeof own.locktag) == 0)
                pids.push_back(entry.pid);
    }
    core::sort_once_each(pids);
    return pids;
}

} // namespace sessionctl::pg
