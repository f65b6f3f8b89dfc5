#include "pg/locks/prepared_transactions.hpp"

#include "pg/encoding.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/twophase.h"
#include "commands/dbcommands.h"
#include "utils/lsyscache.h"
}

namespace sessionctl::pg {

namespace {

// As pg_prepared_xacts, but without its joins: they lock the catalogs of roles and databases, and a lock on
// those must not make this query hang. Names come from the caches.
constexpr char prepared_transactions_query[] = "SELECT transaction, gid, prepared, ownerid, dbid FROM "
                                               "pg_catalog.pg_prepared_xact() ORDER BY prepared, gid";

const char* copied(const char* text, MemoryContext memory) {
    return text != nullptr ? MemoryContextStrdup(memory, text) : nullptr;
}

Prepared prepared_at(const SPITupleTable& table, uint64 row, MemoryContext memory) {
    const auto value = [&table, row](int column) {
        bool is_null;
        return SPI_getbinval(table.vals[row], table.tupdesc, column, &is_null);
    };
    Prepared prepared = {};
    prepared.xid = DatumGetTransactionId(value(1));
    prepared.gid = copied(SPI_getvalue(table.vals[row], table.tupdesc, 2), memory);
    prepared.prepared_at = DatumGetTimestampTz(value(3));
    prepared.owner = copied(compat::role_name_or_null(DatumGetObjectId(value(4))), memory);
    prepared.database = copied(get_database_name(DatumGetObjectId(value(5))), memory);
    prepared.encoding = encoding_of(DatumGetObjectId(value(5)));
    return prepared;
}

/// The GID is in its database's encoding. If this database can't represent it, no command is shown.
void write(Prepared& prepared) {
    const core::string shown = shown_text(prepared.gid, prepared.encoding);
    const bool is_whole = converted(shown, own_encoding(), prepared.encoding) == prepared.gid;
    core::string written = sql_literal(shown.c_str());
    prepared.gid = c_string(shown);
    prepared.written = c_string(written);
    prepared.rollback = is_whole ? c_string(written.insert(0, "ROLLBACK PREPARED ")) : nullptr;
}

} // namespace

core::vector<Prepared> prepared_in(const core::WaitGraph& graph) {
    for (int party = 0; party < graph.count(); ++party)
        if (graph.party(party).is_prepared())
            return prepared_transactions();
    return {};
}

core::vector<Prepared> prepared_transactions() {
    core::vector<Prepared> all;
    if (max_prepared_xacts == 0)
        return all;
    const MemoryContext memory = CurrentMemoryContext;
    query_rows(prepared_transactions_query, {},
               [&](const SPITupleTable& rows, uint64 row) { all.push_back(prepared_at(rows, row, memory)); });
    for (Prepared& prepared : all)
        write(prepared);
    return all;
}

const Prepared* find_prepared(const core::vector<Prepared>& all, TransactionId xid) noexcept {
    const auto found =
        std::find_if(all.begin(), all.end(), [xid](const Prepared& each) { return each.xid == xid; });
    return found != all.end() ? &*found : nullptr;
}

core::string name_of(const core::vector<Prepared>& all, TransactionId xid) {
    core::string name("prepared transaction ");
    const Prepared* const prepared = find_prepared(all, xid);
    if (prepared != nullptr)
        return name.append(prepared->written);
    char number[16];
    std::snprintf(number, sizeof number, "%u", xid);
    return name.append(number);
}

void report_prepared(const core::vector<const Prepared*>& found, const core::string& message) {
    if (found.empty())
        return;
    core::string detail;
    for (const Prepared* const each : found) {
        detail.append(detail.empty() ? "" : "\n");
        if (each->rollback != nullptr)
            detail.append(each->rollback);
        else
            detail.append("prepared transaction ").append(each->written);
        if (each->database != nullptr)
            detail.append("; in database \"").append(one_line(each->database)).append("\"");
    }
    call([&message, &detail] {
        ereport(NOTICE, (errmsg_internal("%s", message.c_str()), errdetail_internal("%s", detail.c_str()),
                         errhint("No signal ends a prepared transaction. Use COMMIT PREPARED or ROLLBACK "
                                 "PREPARED in its own database.")));
    });
}

} // namespace sessionctl::pg
