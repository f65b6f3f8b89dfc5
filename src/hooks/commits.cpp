#include "hooks/commits.hpp"

#include "compat/postgres.hpp"
#include "pg/sessions/commits.hpp"

extern "C" {
#include "access/xact.h"
#include "access/xlog.h"
}

namespace sessionctl::hooks {

namespace {

/// A transaction that has neither a number of its own nor written WAL waits for nothing when it commits.
/// (NOTIFY gives it the number only after this.) Inside of a command the next one follows.
bool needs_notice() noexcept {
    return compat::is_in_command() || XactLastRecEnd != 0 || TransactionIdIsValid(GetTopTransactionIdIfAny());
}

extern "C" void sessionctl_commits(XactEvent event, void*) {
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

/// COMMIT PREPARED and ROLLBACK PREPARED end another transaction than the one that they run in, and wait for
/// the standby as a commit does. In a subtransaction they are refused, and with that the top transaction goes
/// on.
bool on_command(const Node* statement) {
    if (compat::ends_prepared(statement) && !IsSubTransaction())
        pg::begin_commit();
    return false;
}

} // namespace

void install_commits() {
    compat::watch_commands(on_command, nullptr);
    RegisterXactCallback(sessionctl_commits, nullptr);
}

} // namespace sessionctl::hooks
