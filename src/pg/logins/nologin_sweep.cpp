#include "pg/logins/nologin_sweep.hpp"

#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

constexpr int longest_list = 1000;
constexpr core::Timestamp room_timeout = 5 * core::microseconds_per_second;
constexpr core::Timestamp room_poll_interval = 10 * core::microseconds_per_millisecond;

/// Of the current transaction.
Oid roles[longest_list];
SweepNote notes[longest_list]; // of the same roles
int role_count = 0;
Need need_of_all = Need::preferred;
bool has_forgotten = false;
bool is_sweep_registered = false;

void forget_all() noexcept {
    role_count = 0;
    need_of_all = Need::preferred;
    has_forgotten = false;
}

void warn(const char* message, const char* detail) {
    call([=] {
        ereport(WARNING, (errmsg_internal("%s", message), errdetail_internal("%s", detail),
                          errhint("Call sessionctl.terminate_nologin_sessions() after the commit.")));
    });
}

constexpr char not_ended[] = "the sessions of roles that may no longer log in are not ended";

/// Each of several lockdowns in a row has a worker, which ends soon: so it retries.
bool start_worker_in_time(const Oid* first, int count) {
    const bool can_help = need_of_all == Need::required && max_worker_processes > 0;
    const core::Timestamp deadline = monotonic_now() + (can_help ? room_timeout : 0);
    while (!start_sweeper(first[0], first + 1, count - 1)) {
        if (monotonic_now() >= deadline)
            return false;
        pause(room_poll_interval);
    }
    return true;
}

SweepNote note_of(Oid role) {
    SweepNote note = note_by_caller();
    note.role = role;
    note.role_name.set(call([role] { return compat::role_name_or_null(role); }));
    return note;
}

void publish_notes(int count) {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr || count == 0)
        return;
    call([=] {
        const TransactionId transaction = GetTopTransactionId();
        LWLockAcquire(shared->audit_lock, LW_EXCLUSIVE);
        for (int i = 0; i < count; ++i) {
            notes[i].after = transaction;
            shared->sweep_notes.notes[shared->sweep_notes.count++ % SweepNotes::size] = notes[i];
        }
        LWLockRelease(shared->audit_lock);
    });
}

void start_workers() {
    call(compat::show_last_command);
    int shut_out = 0;
    for (int i = 0; i < role_count; ++i) {
        const Oid role = roles[i];
        if (call([role] { return may_log_in(role); }))
            continue;
        roles[shut_out] = role;
        notes[shut_out++] = notes[i];
    }
    publish_notes(shut_out);
    constexpr int share = 1 + compat::most_worker_extra;
    for (int first = 0; first < shut_out; first += share)
        if (!start_worker_in_time(roles + first, std::min(share, shut_out - first))) {
            if (need_of_all == Need::required)
                throw core::Error(core::sqlstate::configuration_limit_exceeded,
                                  "there is no free background worker slot for ending the logins in progress")
                    .hint(
                        "Raise max_worker_processes, which needs a restart; or pass terminate %s false, and "
                        "end the role's sessions after the commit.",
                        compat::argument_sign);
            warn(not_ended, "There is no free background worker slot.");
            return;
        }
    if (has_forgotten)
        warn(not_ended, "The transaction has altered too many roles.");
}

extern "C" void sessionctl_sweep_transaction(XactEvent event, void*) {
    switch (event) {
    case XACT_EVENT_PRE_COMMIT:
        if (role_count > 0)
            entry([] { start_workers(); });
        break;
    case XACT_EVENT_PRE_PREPARE:
        // lockdown_role's own transaction can't be prepared: that raised an error.
        if (role_count > 0 && need_of_all != Need::required)
            entry([] { warn(not_ended, "The transaction that shuts them out is prepared."); });
        break;
    case XACT_EVENT_COMMIT:
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        forget_all();
        break;
    default:
        break;
    }
}

} // namespace

void sweep_after_commit(Oid role, Need need) {
    if (!std::exchange(is_sweep_registered, true))
        call([] { RegisterXactCallback(sessionctl_sweep_transaction, nullptr); });
    if (need == Need::required)
        need_of_all = need;
    if (std::find(roles, roles + role_count, role) != roles + role_count)
        return;
    if (role_count < longest_list) {
        notes[role_count] = note_of(role);
        roles[role_count++] = role;
    } else if (need == Need::required)
        throw core::Error(core::sqlstate::program_limit_exceeded,
                          "one transaction can lock down at most %d roles", longest_list);
    else
        has_forgotten = true;
}

bool is_swept_after_commit(Oid role) {
    return std::find(roles, roles + role_count, role) != roles + role_count &&
           !call([role] { return may_log_in(role); });
}

SweepNote note_by_caller() {
    SweepNote note = {};
    const AuditRecord by = AuditRecord::by_caller("terminate", "");
    note.by_session_user = by.by_session_user;
    note.by_current_user = by.by_current_user;
    note.by_session_id = by.by_session_id;
    return note;
}

bool start_sweeper(Oid first, const Oid* more, int more_count) {
    return call([=] {
        BackgroundWorker worker = compat::describe_worker(sweeper_name, sweeper_function);
        const auto packed = static_cast<uint64>(GetTopTransactionId()) << 32 | first;
        static_assert(sizeof(Datum) == sizeof packed);
        worker.bgw_main_arg = static_cast<Datum>(packed);
        compat::set_worker_extra(worker, more, more_count);
        worker.bgw_restart_time = BGW_NEVER_RESTART;
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle* handle = nullptr;
        return RegisterDynamicBackgroundWorker(&worker, &handle);
    });
}

std::optional<SweepNote> sweep_note(TransactionId after, Oid role) {
    SharedMemory* const shared = shared_memory();
    std::optional<SweepNote> found;
    if (shared == nullptr)
        return found;
    call([&, shared] {
        LWLockAcquire(shared->audit_lock, LW_SHARED);
        for (const SweepNote& note : shared->sweep_notes.notes)
            if (note.after == after && note.role == role)
                found = note;
        LWLockRelease(shared->audit_lock);
    });
    return found;
}

bool may_log_in(Oid role) {
    const HeapTuple tuple = SearchSysCache1(AUTHOID, ObjectIdGetDatum(role));
    if (!HeapTupleIsValid(tuple))
        return false;
    const bool may = reinterpret_cast<Form_pg_authid>(GETSTRUCT(tuple))->rolcanlogin;
    ReleaseSysCache(tuple);
    return may;
}

SweepRequest sweep_request(Datum argument) {
    const auto packed = static_cast<uint64>(argument);
    SweepRequest request = {static_cast<TransactionId>(packed >> 32), {}};
    const auto first = static_cast<Oid>(packed);
    if (!OidIsValid(first))
        return request;
    request.roles.push_back(first);
    Oid more[1 + compat::most_worker_extra];
    const int count = call([&more] { return compat::read_worker_extra(more); });
    request.roles.insert(request.roles.end(), more, more + count);
    return request;
}

} // namespace sessionctl::pg
