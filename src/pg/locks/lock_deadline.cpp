#include "pg/locks/lock_deadline.hpp"

#include "compat/connection.hpp"
#include "pg/error.hpp"

#include <csignal>

#include <unistd.h>

extern "C" {
#include "access/xact.h"
#include "replication/syncrep.h"
#include "storage/ipc.h"
#include "utils/timeout.h"
}

namespace sessionctl::pg {

namespace {

constexpr int signal_interval = 500; // ms between two signals

bool is_deadline_registered = false;
TimeoutId timer;
emit_log_hook_type previous_emit_log = nullptr;

bool is_held = false;
SubTransactionId holder; // the lock is released if it is rolled back
bool is_committing = false;
volatile sig_atomic_t expirations = 0;

/// With its children, as core's own timeouts do: it may be reading a program's output.
void signal_own_group(int signal) noexcept {
    kill(-MyProcPid, signal);
    kill(MyProcPid, signal);
}

/// Runs in a signal handler. A cancel can be caught, a termination can't. During commit no code catches
/// anything, and a terminated session could not tell its client whether it committed.
extern "C" void sessionctl_lock_expired(void) noexcept {
    if (proc_exit_inprogress)
        return;
    expirations = expirations + 1;
    signal_own_group(expirations == 1 || is_committing ? SIGINT : SIGTERM);
    // A client that reads nothing could make the session wait without an end.
    if (expirations > 2 && (!is_committing || MyProc->syncRepState == SYNC_REP_WAITING))
        compat::shut_connection();
    enable_timeout_after(timer, signal_interval);
}

/// A pending signal would hit what follows.
void give_back() noexcept {
    if (!std::exchange(is_held, false))
        return;
    disable_timeout(timer, false);
    if (expirations > 0)
        compat::clear_pending_cancel();
    is_committing = false;
    expirations = 0;
}

extern "C" void sessionctl_lock_transaction(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
        if (!is_held)
            break;
        is_committing = true;
        CHECK_FOR_INTERRUPTS(); // serves signals sent before the commit
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
        give_back();
        break;
    default:
        break;
    }
}

extern "C" void sessionctl_lock_subtransaction(SubXactEvent event, SubTransactionId own,
                                               SubTransactionId parent, void*) {
    if (!is_held || own != holder)
        return;
    if (event == SUBXACT_EVENT_COMMIT_SUB)
        holder = parent;
    else if (event == SUBXACT_EVENT_ABORT_SUB)
        give_back();
}

bool is_ours(const ErrorData& error) noexcept {
    return expirations > 0 && ((error.elevel == ERROR && error.sqlerrcode == ERRCODE_QUERY_CANCELED) ||
                               (error.elevel == FATAL && error.sqlerrcode == ERRCODE_ADMIN_SHUTDOWN));
}

/// Core's message says that a user requested it.
extern "C" void sessionctl_explain_lock_deadline(ErrorData* error) {
    static constexpr char why[] = "It held the lock that logins to a database need for longer than 2 s.";
    static_assert(longest_hold == 2000);
    if (previous_emit_log != nullptr)
        previous_emit_log(error);
    if (!is_ours(*error) || error->detail != nullptr)
        return;
    error->detail = static_cast<char*>(compat::allocate_or_null(ErrorContext, sizeof why));
    if (error->detail != nullptr)
        std::memcpy(error->detail, why, sizeof why);
}

void register_callbacks() {
    if (is_deadline_registered)
        return;
    call([] {
        timer = RegisterTimeout(USER_TIMEOUT, sessionctl_lock_expired);
        RegisterXactCallback(sessionctl_lock_transaction, nullptr);
        RegisterSubXactCallback(sessionctl_lock_subtransaction, nullptr);
    });
    previous_emit_log = std::exchange(emit_log_hook, sessionctl_explain_lock_deadline);
    is_deadline_registered = true;
}

} // namespace

void start_lock_deadline() {
    register_callbacks();
    holder = GetCurrentSubTransactionId();
    is_held = true;
    call([] { enable_timeout_after(timer, longest_hold); });
}

bool has_lock_deadline() noexcept {
    return is_held;
}

} // namespace sessionctl::pg
