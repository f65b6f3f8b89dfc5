#include "pg/locks/prepared_in_way.hpp"

#include "pg/encoding.hpp"
#include "pg/locks/prepared_locks.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "catalog/pg_db_role_setting.h"
}

namespace sessionctl::pg {

namespace {

/// Gives the command for the first only: a HINT has no room for many names.
core::string hint_for(const core::vector<const Prepared*>& found, const char* is_in_the_way) {
    core::string hint;
    if (found.empty())
        return hint;
    const Prepared& first = *found.front();
    hint.append(" A prepared transaction ").append(is_in_the_way).append(", which no signal ends: ");
    if (first.database != nullptr)
        hint.append("in database \"").append(one_line(first.database)).append("\", ");
    if (first.rollback != nullptr)
        hint.append(first.rollback).append(" or COMMIT PREPARED does.");
    else
        hint.append(first.written).append(".");
    if (found.size() > 1)
        hint.append(" See sessionctl.prepared_transactions for others.");
    return hint;
}

/// If the caller may not read them, the original error is raised without the hint.
template <typename Find>
core::string hint_for_found(const char* is_in_the_way, Find&& find) {
    const LockTable table;
    if (!has_prepared(table))
        return {};
    try {
        return in_subtransaction([&] {
            const core::vector<Prepared> all = prepared_transactions();
            return hint_for(find(table, all), is_in_the_way);
        });
    } catch (const PgError& error) {
        if (error.data()->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
            throw;
        return {};
    }
}

} // namespace

core::string hint_for_prepared_on(Oid catalog, Oid object, LOCKMODE mode) {
    return hint_for_found("is in the way", [=](const LockTable& table, const core::vector<Prepared>& all) {
        return prepared_against(table, catalog, object, mode, all);
    });
}

core::string hint_for_prepared_changes() {
    return hint_for_found("may be in the way", [](const LockTable& table, const core::vector<Prepared>& all) {
        core::vector<Oid> catalogs;
        for (const Oid catalog : {AuthIdRelationId, DatabaseRelationId, DbRoleSettingRelationId})
            catalogs.push_back(catalog);
        std::sort(catalogs.begin(), catalogs.end());
        return prepared_on(table, catalogs, RowExclusiveLock, all);
    });
}

} // namespace sessionctl::pg
