#include "pg/logins/connect_sweep.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/logins/nologin_sweep.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

namespace {

/// Of the current transaction.
ConnectSweepRequest own_sweep_request;
LoginPair
    without_connect[ConnectSweepRequest::most_pairs]; // had sessions, but no CONNECT, before this command
int without_connect_count = 0;
bool is_connect_sweep_wanted = false;
bool is_order_full = false;
bool is_connect_sweep_registered = false;

constexpr char keep_connected[] =
    "the sessions of roles that may no longer connect to their databases are not ended";

void forget_request() noexcept {
    own_sweep_request.command_role_count = own_sweep_request.lost_count = own_sweep_request.login_count = 0;
    without_connect_count = 0;
    is_connect_sweep_wanted = false;
    is_order_full = false;
}

void warn_of_connected(const char* detail) {
    call([detail] {
        ereport(WARNING,
                (errmsg_internal("%s", keep_connected), errdetail_internal("%s", detail),
                 errhint("Call sessionctl.terminate_where('not has_database_privilege(usesysid, datid, "
                         "''CONNECT'')') after the commit.")));
    });
}

void warn_of_refused(int count) {
    call([count] {
        ereport(NOTICE,
                (errmsg_plural("%d session that may no longer connect to its database is not ended",
                               "%d sessions that may no longer connect to their databases are not ended",
                               count, count),
                 errdetail_plural("The role that ran the command is not permitted to signal it.",
                                  "The role that ran the command is not permitted to signal them.", count)));
    });
}

LoginPair pair_of(const PendingLogin& process) noexcept {
    return {process.role, process.database};
}

template <typename Item, int size>
bool is_noted(const Item (&list)[size], int count, const Item& item) noexcept {
    return std::find(list, list + count, item) != list + count;
}

/// If the list is full, a WARNING at commit says so.
template <typename Item, int size>
void note(Item (&list)[size], int& count, const Item& item) noexcept {
    if (is_noted(list, count, item))
        return;
    if (count < size)
        list[count++] = item;
    else
        is_order_full = true;
}

bool is_without_connect(const PendingLogin& process) {
    return OidIsValid(process.role) && OidIsValid(process.database) &&
           !call([&process] { return compat::may_connect(process.role, process.database); });
}

/// Processes that log in from now on count as later ones.
void begin_request() {
    own_sweep_request.by = note_by_caller();
    own_sweep_request.caller = call([] { return GetOuterUserId(); });
    own_sweep_request.at = GetCurrentTimestamp();
    for (const PendingLogin& each : client_processes())
        if (!OidIsValid(each.role) || !OidIsValid(each.database))
            note(own_sweep_request.logins, own_sweep_request.login_count, each.pid);
    is_connect_sweep_wanted = true;
}

/// Was the process not a session yet when the request began?
bool is_later(const ConnectSweepRequest& request, const PendingLogin& process) {
    if (is_noted(request.logins, request.login_count, process.pid))
        return true;
    core::vector<core::Session> sessions;
    call([&sessions] { list_sessions(sessions); });
    const auto found = std::find_if(sessions.begin(), sessions.end(), [&process](const core::Session& each) {
        return each.id.pid == process.pid;
    });
    return found == sessions.end() || found->id.start >= request.at;
}

void publish_request() {
    SharedMemory* const shared = shared_memory();
    own_sweep_request.after = call([] { return GetTopTransactionId(); });
    call([shared] {
        LWLockAcquire(shared->audit_lock, LW_EXCLUSIVE);
        shared->connect_sweep_requests
            .requests[shared->connect_sweep_requests.count++ % ConnectSweepRequests::size] =
            own_sweep_request;
        LWLockRelease(shared->audit_lock);
    });
}

/// Sessions of roles that also lose LOGIN are ended by that sweep.
bool loses_only_connect(const PendingLogin& process) {
    return has_lost_connect(own_sweep_request, process) && !is_swept_after_commit(process.role) &&
           !is_protected_role(process.role);
}

/// Starts a sweeper even if there is no such session now: one may log in before the commit.
void start_connect_sweep() {
    call(compat::show_last_command);
    const ScratchMemory scratch;
    int permitted = 0;
    int refused = 0;
    for (const PendingLogin& each : client_processes())
        if (loses_only_connect(each))
            ++(may_be_ended(own_sweep_request, each) ? permitted : refused);
    if (is_order_full) {
        warn_of_connected("There are too many sessions or roles.");
        return;
    }
    publish_request();
    if (!start_sweeper(InvalidOid, nullptr, 0) && permitted > 0)
        warn_of_connected("There is no free background worker slot.");
    if (refused > 0)
        warn_of_refused(refused);
}

bool has_changed_something() noexcept {
    return TransactionIdIsValid(GetTopTransactionIdIfAny());
}

extern "C" void sessionctl_connect_sweep_transaction(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
        if (is_connect_sweep_wanted && has_changed_something())
            entry([] { start_connect_sweep(); });
        break;
    case XACT_EVENT_PRE_PREPARE:
        if (is_connect_sweep_wanted && has_changed_something())
            entry([] { warn_of_connected("The transaction that takes CONNECT from them is prepared."); });
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        forget_request();
        break;
    default:
        break;
    }
}

} // namespace

void before_connect_is_taken() {
    if (!std::exchange(is_connect_sweep_registered, true))
        call([] { RegisterXactCallback(sessionctl_connect_sweep_transaction, nullptr); });
    const ScratchMemory scratch;
    if (!is_connect_sweep_wanted)
        begin_request();
    note(own_sweep_request.command_roles, own_sweep_request.command_role_count, GetUserId());
    without_connect_count = 0;
    for (const PendingLogin& each : client_processes())
        if (is_without_connect(each))
            note(without_connect, without_connect_count, pair_of(each));
}

void after_connect_is_taken() {
    const ScratchMemory scratch;
    call(compat::show_last_command);
    for (const PendingLogin& each : client_processes())
        if (is_without_connect(each) && !is_noted(without_connect, without_connect_count, pair_of(each)))
            note(own_sweep_request.lost, own_sweep_request.lost_count, pair_of(each));
}

bool has_lost_connect(const ConnectSweepRequest& request, const PendingLogin& process) {
    return is_without_connect(process) &&
           (is_noted(request.lost, request.lost_count, pair_of(process)) || is_later(request, process));
}

bool may_be_ended(const ConnectSweepRequest& request, const PendingLogin& process) {
    const auto may_signal = [&process](Oid role) {
        return call([=, &process] { return compat::may_signal(role, process.role); });
    };
    // A SECURITY DEFINER function's caller is responsible for what is taken during its call, too.
    return may_signal(request.caller) &&
           std::all_of(request.command_roles, request.command_roles + request.command_role_count, may_signal);
}

const ConnectSweepRequest& connect_sweep_request(TransactionId after) {
    const SharedMemory& shared = require_shared_memory("a sweep");
    static ConnectSweepRequest found; // too large for the stack
    found.after = InvalidTransactionId;
    call([&shared, after] {
        LWLockAcquire(shared.audit_lock, LW_SHARED);
        for (const ConnectSweepRequest& request : shared.connect_sweep_requests.requests)
            if (request.after == after)
                found = request;
        LWLockRelease(shared.audit_lock);
    });
    if (found.after != after)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state, "%s", keep_connected)
            .detail("Too many transactions took CONNECT at once.");
    return found;
}

} // namespace sessionctl::pg
