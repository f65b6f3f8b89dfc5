#include "hooks/drain.hpp"

#include "pg/sessions/drain_request.hpp"
#include "pg/sessions/session_table.hpp"

#include <csignal>

#include <unistd.h>

extern "C" {
#include "access/xact.h"
#include "catalog/objectaccess.h"
#include "storage/ipc.h"
#include "utils/timeout.h"
}

namespace sessionctl::hooks {

namespace {

constexpr int first_pause = 1;       // ms
constexpr int longest_pause = 20;    // ms
constexpr int client_timeout = 1000; // ms, for the client to read everything and to close its end

object_access_hook_type previous_function_access = nullptr;

/// The last transaction in which a statement of the client began.
LocalTransactionId checked_in = InvalidLocalTransactionId;

bool is_prepared = false;
bool is_ending = false;
const pg::DrainRequest* request = nullptr; // once prepared
volatile PgBackendStatus* own_entry = nullptr;
TimeoutId timer;
int pause = first_pause;

extern "C" void sessionctl_end_when_idle() noexcept;

/// Called at the begin and end of every transaction: mostly one memory read.
bool is_asked_to_end() noexcept {
    return request != nullptr && request->requesters != 0 && pg::is_asked_to_end();
}

/// The FATAL has been sent. An idle session was signalled by the drain, which withdraws its request then.
extern "C" void sessionctl_note_end(int, Datum) noexcept {
    is_ending |= pg::was_asked_to_end();
}

/// After that, before the connection is closed.
extern "C" void sessionctl_close_connection(int, Datum) noexcept {
    if (is_ending)
        compat::shutdown_and_wait(client_timeout);
}

/// Not possible in a callback or a signal handler.
void prepare() {
    own_entry = &compat::status_array().at(compat::own_slot());
    timer = RegisterTimeout(USER_TIMEOUT, sessionctl_end_when_idle);
    before_shmem_exit(sessionctl_note_end, 0);
    on_proc_exit(sessionctl_close_connection, 0);
    request = pg::own_request();
    is_prepared = true;
}

/// The client gets the answer to its last statement before the connection ends.
[[noreturn]] void end_session() {
    pg::answer_request(core::DrainAnswer::ends);
    is_ending = true;
    compat::flush_to_client();
    for (int waited = 0; waited < client_timeout && !compat::is_output_received(); ++waited)
        pg_usleep(core::microseconds_per_millisecond);
    ereport(FATAL,
            (errcode(ERRCODE_ADMIN_SHUTDOWN), errmsg("terminating connection due to administrator command")));
    pg_unreachable();
}

/// Checked at the first statement of each transaction: a transaction that has begun may go on.
void on_statement() {
    const LocalTransactionId transaction = compat::own_transaction();
    if (transaction == checked_in || compat::is_in_command() || !compat::is_client_session())
        return;
    checked_in = transaction;
    if (!is_prepared)
        prepare();
    if (is_asked_to_end())
        end_session();
}

/// The transaction that a command leaves open is the client's: more of its pipeline may follow.
void on_command() {
    checked_in = compat::own_transaction();
}

extern "C" void sessionctl_function_access(ObjectAccessType access, Oid class_id, Oid object, int sub_id,
                                           void* arg) {
    if (previous_function_access != nullptr)
        previous_function_access(access, class_id, object, sub_id, arg);
    if (access == OAT_FUNCTION_EXECUTE) // called by the fast-path protocol, with no other hook before it
        on_statement();
}

/// It is shown as idle, in no transaction or in one without a statement. (While it waits for ROLLBACK TO it
/// is still in the old one.)
bool is_between_transactions() noexcept {
    const LocalTransactionId transaction = compat::own_transaction();
    return core::is_idle(compat::state_of(const_cast<const PgBackendStatus&>(*own_entry))) &&
           (transaction == InvalidLocalTransactionId || transaction != checked_in);
}

/// In a signal handler. The state is shown before the answer to the last statement is sent.
extern "C" void sessionctl_end_when_idle() noexcept {
    if (proc_exit_inprogress || !is_asked_to_end())
        return;
    if (is_between_transactions() && compat::is_output_received()) {
        pg::answer_request(core::DrainAnswer::ends);
        is_ending = true;
        kill(MyProcPid, SIGTERM);
        return;
    }
    pause = std::min(2 * pause, longest_pause);
    enable_timeout_after(timer, pause);
}

/// Procedures, VACUUM and others end transactions inside of one command, which goes on.
extern "C" void sessionctl_transaction_ended(XactEvent event, void*) noexcept {
    const bool has_ended =
        event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE;
    if (!has_ended || compat::is_in_command() || proc_exit_inprogress || !is_asked_to_end() ||
        compat::is_own_stream())
        return;
    pg::answer_request(core::DrainAnswer::will_end);
    pause = first_pause;
    enable_timeout_after(timer, pause);
}

} // namespace

void install_drain() {
    compat::watch_statements(on_statement, on_command);
    previous_function_access = std::exchange(object_access_hook, sessionctl_function_access);
    RegisterXactCallback(sessionctl_transaction_ended, nullptr);
}

} // namespace sessionctl::hooks
