#include "hooks/rules.hpp"

#include "pg/error.hpp"
#include "pg/rules/rule_changes.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "commands/dbcommands.h"
}

namespace sessionctl::hooks {

namespace {

/// Whoever may not give the command must not be able to stop the rules by it.
bool may_need(const char* database) {
    const Oid oid = get_database_oid(database, true);
    return superuser() || (OidIsValid(oid) && compat::owns_database(GetUserId(), oid));
}

/// Runs before the command, and before its permission checks.
bool on_database_command(const Node* statement) {
    const char* const database = compat::database_needed_by(statement);
    if (database != nullptr && std::strcmp(database, pg::rules_database_setting()) == 0 && may_need(database))
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
