#include "pg/dblink.hpp"

#include "core/error.hpp"
#include "pg/connect_timeout.hpp"
#include "pg/encoding.hpp"
#include "pg/interrupts.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"
#include "foreign/foreign.h"
#include "parser/parse_func.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

constexpr core::Timestamp discard_timeout = core::microseconds_per_second;
constexpr core::Timestamp shortest_nap = core::microseconds_per_millisecond;
constexpr core::Timestamp longest_nap = 20 * core::microseconds_per_millisecond;

// --- SQL

/// Its parameters are texts.
Cells query(const core::string& statement, std::initializer_list<const char*> parameters) {
    Cells cells = {};
    const MemoryContext memory = CurrentMemoryContext;
    core::vector<Parameter> texts;
    for (const char* const parameter : parameters)
        texts.push_back({TEXTOID, call([parameter] { return CStringGetTextDatum(parameter); })});
    query_rows(statement.c_str(), texts, [&](const SPITupleTable& rows, uint64 row) {
        cells.columns = rows.tupdesc->natts;
        for (int column = 1; column <= cells.columns; ++column) {
            const char* const value = SPI_getvalue(rows.vals[row], rows.tupdesc, column);
            cells.values.push_back(value != nullptr ? MemoryContextStrdup(memory, value) : nullptr);
        }
    });
    return cells;
}

// --- the extension

struct Signature {
    const char* name;
    int arguments; // all of type text
};
constexpr Signature used_functions[] = {{"dblink_connect", 2},    {"dblink_send_query", 2},
                                        {"dblink_is_busy", 1},    {"dblink_error_message", 1},
                                        {"dblink_get_result", 1}, {"dblink_disconnect", 1}};

/// Neither this statement nor any other here looks up a name in search_path.
const char* schema_of_dblink() {
    const Cells found =
        query("SELECT n.nspname FROM pg_catalog.pg_extension AS e, pg_catalog.pg_namespace AS n "
              "WHERE e.extname OPERATOR(pg_catalog.=) 'dblink' "
              "AND n.oid OPERATOR(pg_catalog.=) e.extnamespace",
              {});
    if (found.values.empty())
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "extension dblink is not installed in this database")
            .hint("CREATE EXTENSION dblink");
    return found.at(0, 0);
}

/// Other roles may create functions in that schema, but not with a member's name and arguments.
void check_members(const char* schema) {
    const bool is_whole = call([schema] {
        const Oid extension = get_extension_oid("dblink", false);
        const Oid types[] = {TEXTOID, TEXTOID};
        for (const Signature& function : used_functions) {
            List* const name = list_make2(makeString(pstrdup(schema)), makeString(pstrdup(function.name)));
            const Oid oid = LookupFuncName(name, function.arguments, types, true);
            if (!OidIsValid(oid) || getExtensionOfObject(ProcedureRelationId, oid) != extension)
                return false;
        }
        return true;
    });
    if (!is_whole)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "extension dblink does not have its functions in its schema \"%s\"", schema)
            .hint("DROP EXTENSION dblink; CREATE EXTENSION dblink");
}

// --- the server

/// The role may have been dropped since the login.
const char* current_role() {
    return call([] {
        const char* const name = compat::role_name_or_null(GetUserId());
        return name != nullptr ? psprintf("role \"%s\"", name) : psprintf("role with OID %u", GetUserId());
    });
}

/// dblink takes an unknown server's name for a connection string.
void check_server(const char* server) {
    const Oid oid = call([server] {
        return std::strlen(server) < NAMEDATALEN ? get_foreign_server_oid(server, true) : InvalidOid;
    });
    const core::string name = sql_identifier(server);
    if (!OidIsValid(oid)) {
        core::Error error(core::sqlstate::undefined_object, "server \"%s\" does not exist", server);
        if (std::strlen(server) < NAMEDATALEN)
            error.hint("CREATE SERVER %s FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '...', port '6432', "
                       "dbname 'pgbouncer'); CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (user "
                       "'...', password '...')",
                       name.c_str(), name.c_str());
        throw error;
    }
    const bool is_mapped = call([oid] {
        for (const Oid user : {GetUserId(), InvalidOid}) // InvalidOid: PUBLIC's mapping
            if (SearchSysCacheExists2(USERMAPPINGUSERSERVER, ObjectIdGetDatum(user), ObjectIdGetDatum(oid)))
                return true;
        return false;
    });
    if (!is_mapped)
        throw core::Error(core::sqlstate::undefined_object, "%s has no user mapping for server \"%s\"",
                          current_role(), server)
            .hint("CREATE USER MAPPING FOR CURRENT_USER SERVER %s OPTIONS (user '...', password '...')",
                  name.c_str());
}

} // namespace

bool is_remote(const PgError& error) noexcept {
    const char* const context = error.data()->context;
    return context != nullptr && std::strstr(context, "dblink connection named") != nullptr;
}

DblinkConnection::DblinkConnection(const char* server) : server_(server) {
    static unsigned int number = 0;
    std::snprintf(name_, sizeof name_, "pg_sessionctl %u", ++number);
    const char* const schema = schema_of_dblink();
    check_members(schema);
    check_server(server);
    schema_ = sql_identifier(schema);
    const core::string statement = invocation("dblink_connect", "$1, $2");
    if (connect_in_time([&] { query(statement, {name_, server}); }))
        return;
    close();
    throw core::Error(core::sqlstate::unable_to_connect, "could not establish connection")
        .detail("Server \"%s\" did not answer within %d s.", server, connect_timeout / 1000);
}

core::string DblinkConnection::invocation(const char* function, const char* arguments) const {
    core::string text("SELECT ");
    return text.append(schema_).append(".").append(function).append("(").append(arguments).append(")");
}

// If a cancel interrupted this, the connection would stay open until the session ends.
void DblinkConnection::close() noexcept {
    callback([this] {
        const InterruptsHeld held;
        in_subtransaction([this] { query(invocation("dblink_disconnect", "$1"), {name_}); });
    });
}

void DblinkConnection::send(const char* statement) {
    const Cells sent = in_subtransaction([&] {
        return query(invocation("dblink_send_query", "$1, $2"), {name_, statement});
    });
    if (!sent.is(0, 0, "1"))
        throw core::Error(core::sqlstate::connection_failure, "could not send to server \"%s\"", server_);
}

/// A lost connection stays busy forever, but has an error message.
bool DblinkConnection::is_busy() {
    core::string statement = invocation("dblink_is_busy", "$1");
    statement.append(", ").append(schema_).append(".dblink_error_message($1)");
    const Cells answer = query(statement, {name_});
    return answer.is(0, 0, "1") && answer.is(0, 1, "OK");
}

DblinkConnection::Wait DblinkConnection::wait(core::Timestamp deadline, Interrupts interrupts) {
    for (core::Timestamp nap = shortest_nap; is_busy(); nap = std::min(2 * nap, longest_nap)) {
        if (interrupts == Interrupts::served && InterruptHoldoffCount > 0 && compat::is_interrupted())
            return Wait::interrupted;
        if (monotonic_now() >= deadline)
            return Wait::overdue;
        pause(nap);
    }
    return Wait::answered;
}

Cells DblinkConnection::result(int columns) {
    core::string statement("SELECT * FROM ");
    statement.append(schema_).append(".dblink_get_result($1) AS t (");
    for (int column = 1; column <= columns; ++column)
        statement.append(column > 1 ? ", c" : "c")
            .append(std::to_string(column).c_str())
            .append(" pg_catalog.text");
    statement.append(")");
    try {
        Cells cells = in_subtransaction([&] { return query(statement, {name_}); });
        discard_results();
        return cells;
    } catch (const PgError&) {
        discard_results();
        throw;
    }
}

/// A statement's only result is followed by an end marker, which has to be read before the next statement.
void DblinkConnection::discard_results() {
    if (wait(monotonic_now() + discard_timeout, Interrupts::ignored) != Wait::answered)
        return;
    core::string statement("SELECT 1 FROM ");
    statement.append(schema_).append(".dblink_get_result($1) AS t (c1 pg_catalog.text)");
    callback([&] { in_subtransaction([&] { query(statement, {name_}); }); });
}

Cells DblinkConnection::execute(const char* statement, int columns, core::Timestamp timeout,
                                Interrupts interrupts) {
    send(statement);
    if (wait(monotonic_now() + timeout, interrupts) != Wait::answered)
        throw core::Error(core::sqlstate::connection_failure, "server \"%s\" does not answer", server_);
    return result(columns);
}

} // namespace sessionctl::pg
