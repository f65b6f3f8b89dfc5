#include "pg/locks/relation_family.hpp"

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

} // namespace

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
