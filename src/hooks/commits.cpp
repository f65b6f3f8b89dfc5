#include "hooks/commits.hpp"

#include "compat/postgres.hpp"
#include "pg/sessions/commits.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::hooks {

namespace {

/// What the last command has done.
bool is_undone_by_error = true;

extern "C" void sessionctl_commits(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
    case XACT_EVENT_PRE_PREPARE:
        pg::begin_commit(is_undone_by_error);
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_PREPARE:
        pg::end_commit();
        is_undone_by_error = is_undone_by_error || !compat::is_in_command();
        break;
    case XACT_EVENT_ABORT:
        pg::end_commit();
        is_undone_by_error = true;
        break;
    default: // parallel workers
        break;
    }
}

/// COMMIT PREPARED and ROLLBACK PREPARED end another transaction than the one that they run in, and wait for
/// the standby as a commit does. In a subtransaction they are refused, and with that the top transaction goes
/// on.
bool on_command(const Node* statement) {
    const bool ends_another = compat::ends_prepared(statement) && !IsSubTransaction();
    if (ends_another)
        pg::begin_commit(true);
    else if (IsAbortedTransactionBlockState())
        pg::begin_rollback();
    // Inside of others, and in a transaction block, they are refused, or are of a form that is undone.
    if (!compat::is_in_command())
        is_undone_by_error =
            IsTransactionBlock() || IsSubTransaction() || !compat::cannot_be_undone(statement);
    return ends_another;
}

} // namespace

void install_commits() {
    compat::watch_commands(on_command, pg::end_commit);
    RegisterXactCallback(sessionctl_commits, nullptr);
}

} // namespace sessionctl::hooks
