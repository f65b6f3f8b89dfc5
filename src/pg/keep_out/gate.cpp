#include "pg/keep_out/gate.hpp"

#include "pg/audit/audit_record.hpp"
#include "pg/error.hpp"
#include "pg/keep_out/gate_file.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "mb/pg_wchar.h"
#include "utils/acl.h"
}

namespace sessionctl::pg {

namespace {

static_assert(std::is_trivially_copyable_v<GateState>);
static_assert(std::atomic<bool>::is_always_lock_free && std::atomic<std::uint32_t>::is_always_lock_free);

void add_time(LogLine& line, const char* key, core::Timestamp time) {
    line.add_quoted(key, time != 0 ? call([time] { return timestamptz_to_str(time); }) : nullptr);
}

void add_rule(LogLine& line, const GateState& state) {
    core::string roles;
    char number[16];
    for (int i = 0; i < state.role_count; ++i) {
        std::snprintf(number, sizeof number, i > 0 ? ",%u" : "%u", state.allow_roles[i]);
        roles.append(number);
    }
    line.add_quoted("allow_roles", roles.c_str());
    line.add("include_superusers", state.include_superusers ? "true" : "false");
    line.add("include_replication", state.include_replication ? "true" : "false");
    line.add("hold_ms", state.hold);
    add_time(line, "until", state.until);
}

/// Without a user yet.
AuditRecord record_of(const char* action, const char* result, const GateState& state) {
    AuditRecord record = {};
    record.action.set(action);
    record.result.set(result);
    LogLine details;
    if (state.is_closed)
        add_rule(details, state);
    else if (state.until != 0)
        add_time(details, "until", state.until);
    if (state.is_closed || state.until != 0)
        record.details.set(details.pairs());
    record.set_field(record.reason, state.reason[0] != '\0' ? state.reason : nullptr, core::utf8);
    return record;
}

/// For changes without a user: the server starts, or a lockdown expires.
void log_gate_by_itself(const char* action, const char* result, const GateState& state) noexcept {
    HOLD_INTERRUPTS();
    callback([&] {
        AuditRecord record = record_of(action, result, state);
        keep_record(record, PG_UTF8);
    });
    RESUME_INTERRUPTS();
}

void log_end_of_time(GateState over) noexcept {
    over.is_closed = false;
    log_gate_by_itself("unlock_server", "open, its time is over", over);
}

} // namespace

Gate::View Gate::view() const noexcept {
    for (;;) {
        View view;
        view.version = version_.load(std::memory_order_seq_cst);
        std::memcpy(&view.state, &state_, sizeof view.state);
        std::atomic_thread_fence(std::memory_order_acquire);
        if (view.version % 2 == 0 && view.version == version_.load(std::memory_order_relaxed))
            return view;
        pg_usleep(1000);
    }
}

void Gate::publish(const GateState& state) noexcept {
    version_.fetch_add(1, std::memory_order_seq_cst);
    std::memcpy(&state_, &state, sizeof state_);
    version_.fetch_add(1, std::memory_order_seq_cst);
    is_closed_.store(state.is_closed, std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Gate::load() {
    GateState state = {};
    const TimestampTz now = GetCurrentTimestamp();
    switch (find_gate_file(state)) {
    case GateFileFound::none:
        return;
    case GateFileFound::damaged:
        state = core::closed_for_safety(now, "the file \"pg_sessionctl.gate\" is damaged");
        ereport(WARNING, (errmsg("lockdown file \"%s\" is damaged or of another version", gate_file_name),
                          errdetail("Only superusers can log in until sessionctl.unlock_server() is called."),
                          errhint("To open the server without a login remove the file and restart, or set "
                                  "pg_sessionctl.gate = off.")));
        break;
    case GateFileFound::sound:
        if (!state.is_closed_at(now)) {
            remove_gate_file();
            sync_gate_file();
            log_end_of_time(state);
            return;
        }
        break;
    }
    publish(state);
    log_gate_by_itself("lockdown_server",
                       gate_setting() ? "closed as before the start" : "open: pg_sessionctl.gate is off",
                       state);
}

bool Gate::acquire_place(int places) noexcept {
    if (held_.fetch_add(1) < places)
        return true;
    --held_;
    return false;
}

GateState gate_state() {
    const SharedMemory* const shared = shared_memory();
    if (shared == nullptr)
        return {};
    const GateState state = shared->gate.view().state;
    return state.is_closed_at(GetCurrentTimestamp()) ? state : GateState{};
}

namespace {

/// Clears an expired lockdown first, so that its end is in the audit.
void clear_expired(const Gate& gate) {
    if (const Gate::View found = gate.view(); found.state.is_over_at(GetCurrentTimestamp()))
        open_expired_gate(found.version);
}

void warn_unwritten(int why) {
    const bool has_old = has_gate_file();
    errno = why;
    ereport(
        WARNING,
        (errcode_for_file_access(), errmsg("could not write file \"%s\": %m", gate_file_name),
         has_old
             ? errdetail(
                   "The server is locked down, but a restart or a crash brings back the lockdown before it.")
             : errdetail("The server is locked down, but a restart or a crash opens it."),
         errhint("Lock it down again when the file can be written.")));
}

void warn_unsynced(int why) {
    errno = why;
    ereport(WARNING, (errcode_for_file_access(),
                      errmsg("could not sync the directory of file \"%s\": %m", gate_file_name),
                      errdetail("After a crash of the machine, this change may be lost.")));
}

} // namespace

/// The caller holds the gate's lock.
void GateChange::publish(const GateState& next) noexcept {
    Gate& gate = shared_memory()->gate;
    gate.publish(next);
    version_ = gate.view().version;
    if (is_written_)
        gate.set_written_version(version_);
    is_made_ = true;
}

void GateChange::close(const GateState& next) {
    SharedMemory& shared = *shared_memory();
    clear_expired(shared.gate);
    call([&] {
        LWLockAcquire(shared.gate_lock, LW_EXCLUSIVE);
        before_ = gate_state();
        is_written_ = write_gate_file(next, before_);
        const bool is_synced = is_written_ && sync_gate_file();
        const int why = errno;
        publish(next);
        LWLockRelease(shared.gate_lock);
        if (!is_written_)
            warn_unwritten(why);
        else if (!is_synced)
            warn_unsynced(why);
    });
}

void GateChange::open() {
    SharedMemory& shared = *shared_memory();
    clear_expired(shared.gate);
    call([&] {
        LWLockAcquire(shared.gate_lock, LW_EXCLUSIVE);
        before_ = gate_state();
        is_written_ = remove_gate_file();
        const bool is_synced = is_written_ && sync_gate_file();
        const int why = errno;
        if (is_written_)
            publish({});
        LWLockRelease(shared.gate_lock);
        errno = why;
        if (!is_written_)
            ereport(ERROR,
                    (errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", gate_file_name),
                     errdetail("The server is still locked down.")));
        if (!is_synced)
            warn_unsynced(why);
    });
}

void GateChange::undo() noexcept {
    if (!std::exchange(is_made_, false))
        return;
    SharedMemory& shared = *shared_memory();
    LWLockAcquire(shared.gate_lock, LW_EXCLUSIVE);
    const Gate::View made = shared.gate.view();
    const bool is_ours = made.version == version_;
    const bool is_in_file = is_written_ && shared.gate.written_version() == version_;
    const bool is_restored = !is_in_file || restore_gate_file(before_);
    const int why = errno;
    if (is_in_file && is_restored) {
        shared.gate.set_written_version(0);
        sync_gate_file();
    }
    if (is_ours)
        shared.gate.publish(before_);
    LWLockRelease(shared.gate_lock);
    if (is_ours)
        log_gate("lockdown_server", before_.is_closed ? "undone, closed as before" : "undone, open",
                 made.state);
    errno = why;
    if (!is_restored)
        ereport(LOG, (errcode_for_file_access(),
                      errmsg("could not %s file \"%s\": %m", before_.is_closed ? "write" : "remove",
                             gate_file_name),
                      errdetail("The next restart of the server uses that file.")));
}

void GateChange::settle() noexcept {
    SharedMemory& shared = *shared_memory();
    LWLockAcquire(shared.gate_lock, LW_EXCLUSIVE);
    if (is_written_ && shared.gate.written_version() == version_)
        forget_old_gate_file();
    LWLockRelease(shared.gate_lock);
    is_made_ = false;
}

bool GateChange::is_in_force() const noexcept {
    return is_made_ && shared_memory()->gate.view().version == version_;
}

void open_expired_gate(std::uint32_t version) noexcept {
    SharedMemory& shared = *shared_memory();
    if (!LWLockConditionalAcquire(shared.gate_lock, LW_EXCLUSIVE))
        return; // another process is changing the gate
    const Gate::View found = shared.gate.view();
    const bool is_it = found.version == version && remove_gate_file();
    if (is_it) {
        sync_gate_file();
        shared.gate.publish({});
        shared.gate.set_written_version(0);
    }
    LWLockRelease(shared.gate_lock);
    if (!is_it)
        return;
    log_end_of_time(found.state);
}

core::Login login_of(Oid role, core::Kind kind, const GateState& state) {
    bool is_allowed = state.allows_role(role);
    for (int i = 0; i < state.role_count && !is_allowed; ++i)
        is_allowed = is_member_of_role_nosuper(role, state.allow_roles[i]);
    return {kind, superuser_arg(role), is_allowed};
}

void log_gate(const char* action, const char* result, const GateState& state) noexcept {
    HOLD_INTERRUPTS();
    callback([&] {
        AuditRecord record = record_of(action, result, state);
        record.by_session_user.set(MyProcPort != nullptr ? compat::role_of_login(MyProcPort) : nullptr);
        record.by_current_user.set(state.by[0] != '\0' ? state.by : nullptr, core::utf8);
        record.by_session_id.set(core::SessionId({MyProcPid, compat::own_start()}).text);
        keep_record(record, PG_UTF8);
    });
    RESUME_INTERRUPTS();
}

} // namespace sessionctl::pg
