#include "catalog.hpp"

#include <stdexcept>

namespace fuzz {

namespace {

using Row = std::vector<std::string>;

std::vector<Row> query(PGconn* connection, const char* sql) {
    PGresult* const result = PQexec(connection, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) {
        PQclear(result);
        throw std::runtime_error(PQerrorMessage(connection) + std::string(sql));
    }
    std::vector<Row> rows;
    for (int row = 0; row < PQntuples(result); ++row) {
        rows.emplace_back();
        for (int column = 0; column < PQnfields(result); ++column)
            rows.back().emplace_back(PQgetvalue(result, row, column));
    }
    PQclear(result);
    return rows;
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find('|', begin), text.size());
        parts.push_back(text.substr(begin, end - begin));
        begin = end + 1;
    }
    return parts;
}

constexpr char columns[] =
    "SELECT format_type(atttypid, NULL), quote_ident(attname) FROM pg_attribute"
    " WHERE attrelid = 'sessionctl.session_activity'::regclass AND attnum > 0 ORDER BY attnum";

// Of core those that a condition may meet, and arrays of them; of the hostile schema all.
constexpr char types[] =
    "SELECT format_type(t.oid, NULL) FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace"
    " WHERE nspname = 'hostile' OR nspname = 'pg_catalog' AND typtype IN ('b', 'r', 'm')"
    " AND typname !~ '^_?pg_|gtsvector|aclitem' ORDER BY t.oid";

// Names are qualified, but core's half of the time, since search_path is part of the game.
constexpr char operators[] =
    "SELECT format_type(oprresult, NULL), 'OPERATOR(' || quote_ident(nspname) || '.' || oprname || ')',"
    " CASE oprleft WHEN 0 THEN '' ELSE format_type(oprleft, NULL) || '|' END || format_type(oprright, NULL)"
    " FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = oprnamespace"
    " WHERE nspname IN ('pg_catalog', 'hostile') AND oprright <> 0 AND oprresult <> 0 ORDER BY o.oid";

constexpr char functions[] =
    "SELECT format_type(prorettype, NULL), quote_ident(nspname) || '.' || quote_ident(proname),"
    " (SELECT string_agg(format_type(a.oid, NULL), '|' ORDER BY a.number)"
    "  FROM unnest(proargtypes) WITH ORDINALITY AS a (oid, number))"
    " FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace"
    " WHERE (nspname = 'hostile' OR nspname = 'pg_catalog' AND provolatile IN ('i', 's')) AND pronargs "
    "BETWEEN 0 AND 4"
    " AND prorettype NOT IN ('internal'::regtype, 'trigger'::regtype, 'cstring'::regtype)"
    " AND NOT proargtypes::oid[] && ARRAY['internal'::regtype, 'cstring'::regtype]::oid[]"
    " AND p.oid NOT IN (SELECT aggfnoid FROM pg_aggregate) ORDER BY p.oid";

constexpr char callables[] =
    "SELECT 'sessionctl.' || quote_ident(proname), array_to_string(proargnames[1 : pronargs], '|'),"
    " (SELECT string_agg(format_type(a.oid, NULL), '|' ORDER BY a.number)"
    "  FROM unnest(proargtypes) WITH ORDINALITY AS a (oid, number))"
    " FROM pg_proc WHERE pronamespace = (SELECT oid FROM pg_namespace WHERE nspname = 'sessionctl')"
    " ORDER BY oid::regprocedure::text";

constexpr char settings[] =
    "SELECT name FROM pg_settings WHERE context = 'user'"
    " AND name !~ 'timeout|client_encoding|client_min_messages|exit_on_error' ORDER BY name";

} // namespace

Catalog read_catalog(PGconn* connection) {
    Catalog catalog;
    for (const Row& row : query(connection, columns))
        catalog.columns[row[0]].push_back(row[1]);
    for (const Row& row : query(connection, types))
        catalog.types.push_back(row[0]);
    for (const Row& row : query(connection, operators))
        catalog.operators[row[0]].push_back({row[1], split(row[2])});
    for (const Row& row : query(connection, functions))
        catalog.functions[row[0]].push_back({row[1], split(row[2])});
    for (const Row& row : query(connection, callables)) {
        const auto names = split(row[1]);
        const auto argument_types = split(row[2]);
        catalog.callables.push_back({row[0], {}});
        for (std::size_t i = 0; i < argument_types.size(); ++i)
            catalog.callables.back().parameters.push_back({names[i], argument_types[i]});
    }
    for (const Row& row : query(connection, settings))
        catalog.settings.push_back(row[0]);
    return catalog;
}

} // namespace fuzz
