#include "pg/locks/lock_table.hpp"

#include "pg/locks/lock_text.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace sessionctl::pg {

namespace {

constexpr char family_query[] =
    "WITH RECURSIVE inheritors AS (SELECT $1::oid AS id UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits "
    "AS i, "
    "inheritors "
    "WHERE i.inhparent = inheritors.id), "
    "tables AS (SELECT id FROM inheritors UNION SELECT c.reltoastrelid FROM pg_catalog.pg_class AS c, "
    "inheritors "
    "WHERE c.oid = inheritors.id AND c.reltoastrelid <> 0) "
    "SELECT id FROM tables UNION SELECT x.indexrelid FROM pg_catalog.pg_index AS x, tables "
    "WHERE x.indrelid = tables.id ORDER BY 1";

bool is_here(const LOCKTAG& tag) noexcept {
    return tag.locktag_field1 == MyDatabaseId || tag.locktag_field1 == InvalidOid;
}

bool is_on(const LockInstanceData& entry, const core::vector<Oid>& relations, LOCKMODE least) noexcept {
    return entry.locktag.locktag_type == LOCKTAG_RELATION && is_here(entry.locktag) &&
           (entry.holdMask >> least != 0 || entry.waitLockMode >= least) &&
           std::binary_search(relations.begin(), relations.end(), entry.locktag.locktag_field2);
}

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

} // namespace

LockTable::LockTable() : data_(call([] { return GetLockStatusData(); })) {}

core::vector<int> LockTable::interested_in(const core::vector<Oid>& relations, LOCKMODE least) const {
    core::vector<int> pids;
    for (const LockInstanceData& entry : *this)
        if (entry.pid != 0 && is_on(entry, relations, least))
            pids.push_back(entry.pid);
    std::sort(pids.begin(), pids.end());
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
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

bool LockTable::has_prepared() const noexcept {
    return std::any_of(begin(), end(), [](const LockInstanceData& entry) { return entry.pid == 0; });
}

template <typename Condition>
core::vector<const Prepared*> LockTable::prepared_with(const core::vector<Prepared>& all,
                                                       Condition&& condition) const {
    core::vector<const Prepared*> found;
    for (const Prepared& each : all) {
        const LockInstanceData* const own = own_number(each);
        if (own != nullptr && std::any_of(begin(), end(), [&](const LockInstanceData& entry) {
                return entry.pid == 0 && compat::same_transaction(entry, *own) && condition(entry);
            }))
            found.push_back(&each);
    }
    return found;
}

core::vector<const Prepared*> LockTable::prepared_on(const core::vector<Oid>& relations, LOCKMODE least,
                                                     const core::vector<Prepared>& all) const {
    return prepared_with(all, [&](const LockInstanceData& entry) { return is_on(entry, relations, least); });
}

core::vector<const Prepared*> LockTable::prepared_against(Oid catalog, Oid object, LOCKMODE mode,
                                                          const core::vector<Prepared>& all) const {
    return prepared_with(all, [=](const LockInstanceData& entry) {
        return is_of(entry.locktag, catalog, object) && conflicts(entry.holdMask, mode);
    });
}

core::vector<const char*> LockTable::held_by(const Prepared& prepared) const {
    core::vector<const char*> texts;
    const LockInstanceData* const own = own_number(prepared);
    if (own == nullptr)
        return texts;
    core::vector<const LockInstanceData*> entries;
    for (const LockInstanceData& entry : *this)
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

const LockInstanceData* LockTable::own_number(const Prepared& prepared) const noexcept {
    const auto found = std::find_if(begin(), end(), [&prepared](const LockInstanceData& entry) {
        return entry.pid == 0 && entry.locktag.locktag_type == LOCKTAG_TRANSACTION &&
               entry.locktag.locktag_field1 == prepared.xid && entry.holdMask != 0;
    });
    return found != end() ? found : nullptr;
}

core::vector<Oid> family_of(Oid relation) {
    core::vector<Oid> family;
    query_rows(
        family_query, {{OIDOID, ObjectIdGetDatum(relation)}}, [&](const SPITupleTable& rows, uint64 row) {
            bool is_null;
            family.push_back(DatumGetObjectId(SPI_getbinval(rows.vals[row], rows.tupdesc, 1, &is_null)));
        });
    return family;
}

} // namespace sessionctl::pg
