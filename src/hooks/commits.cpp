#include "hooks/commits.hpp"

#include "compat/postgres.hpp"
#include "pg/sessions/commits.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::hooks {

namespace {

/// A transaction without a number of its own waits for nothing when it commits; inside of a command the next
/// one follows.
bool needs_notice() noexcept {
    return compat::is_in_command() || TransactionIdIsValid(GetTopTransactionIdIfAny());
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

/// COMMIT PREPARED commits another transaction than the one that it runs in. In a subtransaction it is
/// refused, and with that the top transaction goes on.
bool on_command(const Node* statement) {
    if (compat::commits_prepared(statement) && !IsSubTransaction())
        pg::begin_commit();
    return false;
}

} // namespace

void install_commits() {
    compat::watch_commands(on_command, nullptr);
    RegisterXactCallback(sessionctl_commits, nullptr);
}

} // namespace sessionctl::hooks
