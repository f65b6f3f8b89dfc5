#include "pg/reaper/role_limits.hpp"

#include "core/reaper/limits.hpp"
#include "pg/encoding.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace sessionctl::pg {

namespace {

constexpr char role_limits_query[] =
    "SELECT DISTINCT s.setdatabase, s.setrole, CASE WHEN r.rolsuper THEN r.rolname END "
    "FROM pg_catalog.pg_db_role_setting AS s CROSS JOIN LATERAL pg_catalog.unnest(s.setconfig) AS c "
    "(setting) "
    "LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = s.setrole "
    "WHERE lower(split_part(c.setting, '=', 1)) = ANY ($1) AND split_part(c.setting, '=', 2) <> '0' ORDER BY "
    "3";

/// All parameters, without the one that is no limit of its own.
Datum limit_names() {
    core::vector<core::string> names;
    for (int i = 0; i < core::limit_count; ++i)
        if (const auto limit = static_cast<core::Limit>(i); limit != core::Limit::horizon_idle)
            names.push_back(core::string("pg_sessionctl.").append(core::limit_name(limit)));
    return call([&names] {
        auto* const values = static_cast<Datum*>(palloc(names.size() * sizeof(Datum)));
        int count = 0;
        for (const core::string& name : names)
            values[count++] = CStringGetTextDatum(name.c_str());
        return PointerGetDatum(construct_array(values, count, TEXTOID, -1, false, 'i'));
    });
}

} // namespace

RoleLimits role_limits() {
    RoleLimits settings;
    core::vector<const char*> superusers; // a role may have limits in several databases
    const MemoryContext memory = CurrentMemoryContext;
    query_rows(role_limits_query, {{TEXTARRAYOID, limit_names()}},
               [&](const SPITupleTable& rows, uint64 row) {
                   ++settings.count;
                   const char* const name = SPI_getvalue(rows.vals[row], rows.tupdesc, 3);
                   if (name != nullptr && (superusers.empty() || std::strcmp(superusers.back(), name) != 0))
                       superusers.push_back(MemoryContextStrdup(memory, name));
               });
    for (const char* const name : superusers)
        settings.superusers.push_back(core::string("\"").append(one_line(name)).append("\""));
    return settings;
}

} // namespace sessionctl::pg
