#include "hooks/rules.hpp"

#include "pg/error.hpp"
#include "pg/rules/rule_changes.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "access/htup_details.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "utils/syscache.h"
}

namespace sessionctl::hooks {

namespace {

bool may_create_databases() {
    const HeapTuple role = SearchSysCache1(AUTHOID, ObjectIdGetDatum(GetUserId()));
    const bool may = HeapTupleIsValid(role) && reinterpret_cast<Form_pg_authid>(GETSTRUCT(role))->rolcreatedb;
    if (HeapTupleIsValid(role))
        ReleaseSysCache(role);
    return may;
}

bool is_template(Oid database) {
    const HeapTuple tuple = SearchSysCache1(DATABASEOID, ObjectIdGetDatum(database));
    const bool is =
        HeapTupleIsValid(tuple) && reinterpret_cast<Form_pg_database>(GETSTRUCT(tuple))->datistemplate;
    if (HeapTupleIsValid(tuple))
        ReleaseSysCache(tuple);
    return is;
}

/// As core checks before the command. Whoever may not give it must not be able to stop the rules by it.
bool may_need(const char* name, const Node* statement) {
    const Oid database = get_database_oid(name, true);
    if (superuser() || !OidIsValid(database))
        return superuser();
    const bool owns = compat::owns_database(GetUserId(), database);
    switch (nodeTag(statement)) {
    case T_CreatedbStmt:
        return may_create_databases() && (owns || is_template(database));
    case T_RenameStmt:
        return may_create_databases() && owns;
    default:
        return owns;
    }
}

/// Runs before the command, and before its permission checks.
bool on_database_command(const Node* statement) {
    const char* const database = compat::database_needed_by(statement);
    if (database != nullptr && std::strcmp(database, pg::rules_database_setting()) == 0 &&
        may_need(database, statement))
        pg::entry([] { pg::keep_rules_away(); });
    if (compat::drops_extension(statement, "pg_sessionctl"))
        pg::entry([] { pg::wake_rules_at_commit(); });
    return false;
}

} // namespace

void install_rules() {
    compat::watch_commands(on_database_command, nullptr);
}

} // namespace sessionctl::hooks
