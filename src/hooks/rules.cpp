#include "hooks/rules.hpp"

#include "pg/error.hpp"
#include "pg/rules/rule_changes.hpp"
#include "pg/sessions/commits.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
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
    if (compat::drops_extension(statement))
        pg::entry([] { pg::wake_rules_at_commit(); });
    return false;
}

void on_end_of_database_command() {}

/// A transaction without a number of its own waits for nothing when it commits; inside of a command the next
/// one follows.
bool needs_notice() noexcept {
    const pg::SharedMemory* const shared = pg::shared_memory();
    return shared != nullptr && shared->rules.pid != 0 &&
           (compat::is_in_command() || TransactionIdIsValid(GetTopTransactionIdIfAny()));
}

extern "C" void sessionctl_rules_commit(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
        if (needs_notice())
            pg::begin_commit();
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        pg::end_commit();
        break;
    default: // parallel workers
        break;
    }
}

} // namespace

void install_rules() {
    compat::watch_commands(on_database_command, on_end_of_database_command);
    RegisterXactCallback(sessionctl_rules_commit, nullptr);
}

} // namespace sessionctl::hooks
