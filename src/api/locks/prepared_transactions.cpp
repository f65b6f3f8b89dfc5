// For the view prepared_transactions.

#include "pg/locks/prepared_transactions.hpp"
#include "api/rows.hpp"
#include "api/serve.hpp"
#include "api/values.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/locks/prepared_locks.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

using namespace sessionctl;

namespace {

Datum texts_of(const core::vector<const char*>& texts) {
    if (texts.empty())
        return PointerGetDatum(construct_empty_array(TEXTOID));
    auto* const values = static_cast<Datum*>(palloc(texts.size() * sizeof(Datum)));
    std::transform(texts.begin(), texts.end(), values,
                   [](const char* text) { return CStringGetTextDatum(pg::readable(text)); });
    return PointerGetDatum(construct_array(values, static_cast<int>(texts.size()), TEXTOID, -1, false, 'i'));
}

core::vector<int> blocked_by(const pg::Prepared& prepared, const core::WaitGraph& graph) {
    const int party = graph.find(core::Party{0, prepared.xid});
    return party >= 0 ? pg::pids_of(graph, graph.behind(party)) : core::vector<int>();
}

void put(const pg::Prepared& prepared, const core::vector<const char*>& locks,
         const core::vector<int>& blocks, TimestampTz now, api::Rows& rows) {
    const char* const here = get_database_name(MyDatabaseId);
    const bool is_here =
        prepared.database != nullptr && here != nullptr && std::strcmp(prepared.database, here) == 0;
    api::Row<9> row;
    row.add_text(prepared.gid);
    row.add(TransactionIdGetDatum(prepared.xid));
    row.add(TimestampTzGetDatum(prepared.prepared_at));
    row.add(api::interval_of(now - prepared.prepared_at));
    row.add_text(prepared.owner);
    row.add_text(prepared.database);
    row.add(texts_of(locks));
    row.add(api::integers_of(blocks));
    row.add_text(is_here ? prepared.rollback : nullptr);
    row.put_into(rows);
}

} // namespace

SQL_FUNCTION(sessionctl_prepared_transactions)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const core::vector<pg::Prepared> all = pg::prepared_transactions();
        const pg::LockTable table;
        const core::WaitGraph& graph = pg::LockWaits::take()->graph();
        // Its memory is kept beyond the scratch memory.
        api::Rows rows = pg::call([&] { return api::Rows(fcinfo); });
        const TimestampTz now = GetCurrentTimestamp();
        for (const pg::Prepared& each : all) {
            const core::vector<const char*> locks = pg::held_by(table, each);
            const core::vector<int> blocks = blocked_by(each, graph);
            pg::call([&] { put(each, locks, blocks, now, rows); });
        }
        return 0;
    });
}
