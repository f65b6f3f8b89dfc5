#include "pg/locks/prepared_locks.hpp"

#include "pg/error.hpp"
#include "pg/locks/lock_text.hpp"

namespace sessionctl::pg {

namespace {

bool is_of(const LOCKTAG& tag, Oid catalog, Oid object) noexcept {
    return tag.locktag_type == LOCKTAG_OBJECT && tag.locktag_field1 == InvalidOid &&
           tag.locktag_field2 == catalog && tag.locktag_field3 == object;
}

bool conflicts(LOCKMASK held, LOCKMODE mode) noexcept {
    for (LOCKMODE each = AccessShareLock; each <= AccessExclusiveLock; ++each)
        if ((held & LOCKBIT_ON(each)) != 0 && DoLockModesConflict(each, mode))
            return true;
    return false;
}

LOCKMODE strongest(LOCKMASK modes) noexcept {
    LOCKMODE mode = 0;
    while ((modes >>= 1) != 0)
        ++mode;
    return mode;
}

const char* words_for(const LockInstanceData& entry) {
    return psprintf("%s on %s", compat::lock_mode_name(entry.locktag, strongest(entry.holdMask)),
                    lock_text(entry.locktag));
}

/// The lock on the transaction's own XID, which identifies its other locks. Null: it has ended.
const LockInstanceData* own_number(const LockTable& table, const Prepared& prepared) noexcept {
    const auto found = std::find_if(table.begin(), table.end(), [&prepared](const LockInstanceData& entry) {
        return entry.pid == 0 && entry.locktag.locktag_type == LOCKTAG_TRANSACTION &&
               entry.locktag.locktag_field1 == prepared.xid && entry.holdMask != 0;
    });
    return found != table.end() ? found : nullptr;
}

template <typename Condition>
core::vector<const Prepared*> prepared_with(const LockTable& table, const core::vector<Prepared>& all,
                                            Condition&& condition) {
    core::vector<const Prepared*> found;
    for (const Prepared& each : all) {
        const LockInstanceData* const own = own_number(table, each);
        if (own != nullptr && std::any_of(table.begin(), table.end(), [&](const LockInstanceData& entry) {
                return entry.pid == 0 && compat::same_transaction(entry, *own) && condition(entry);
            }))
            found.push_back(&each);
    }
    return found;
}

} // namespace

bool has_prepared(const LockTable& table) noexcept {
    return std::any_of(table.begin(), table.end(),
                       [](const LockInstanceData& entry) { return entry.pid == 0; });
}

core::vector<const Prepared*> prepared_on(const LockTable& table, const core::vector<Oid>& relations,
                                          LOCKMODE least, const core::vector<Prepared>& all) {
    return prepared_with(table, all,
                         [&](const LockInstanceData& entry) { return is_on(entry, relations, least); });
}

core::vector<const Prepared*> prepared_against(const LockTable& table, Oid catalog, Oid object, LOCKMODE mode,
                                               const core::vector<Prepared>& all) {
    return prepared_with(table, all, [=](const LockInstanceData& entry) {
        return is_of(entry.locktag, catalog, object) && conflicts(entry.holdMask, mode);
    });
}

core::vector<const char*> held_by(const LockTable& table, const Prepared& prepared) {
    core::vector<const char*> texts;
    const LockInstanceData* const own = own_number(table, prepared);
    if (own == nullptr)
        return texts;
    core::vector<const LockInstanceData*> entries;
    for (const LockInstanceData& entry : table)
        if (entry.pid == 0 && compat::same_transaction(entry, *own) && entry.holdMask != 0 &&
            entry.locktag.locktag_type != LOCKTAG_TRANSACTION &&
            entry.locktag.locktag_type != LOCKTAG_VIRTUALTRANSACTION)
            entries.push_back(&entry);
    texts.resize(entries.size());
    call([&] {
        std::transform(entries.begin(), entries.end(), texts.begin(),
                       [](const LockInstanceData* entry) { return words_for(*entry); });
    });
    std::sort(texts.begin(), texts.end(), [](const char* a, const char* b) { return std::strcmp(a, b) < 0; });
    return texts;
}

} // namespace sessionctl::pg
