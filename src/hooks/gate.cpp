#include "hooks/gate.hpp"

#include "core/shown_text.hpp"
#include "hooks/authenticated_role.hpp"
#include "hooks/cooldown.hpp"
#include "pg/monotonic.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "storage/ipc.h"
#include "utils/acl.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

// A login ends here by FATAL, and by ERROR out of a look-up, which is FATAL, too, since nothing would catch
// it yet. So nothing in this file has a destructor, throws or needs pg::call.

namespace sessionctl::hooks {

namespace {

compat::LoginHook previous_login = nullptr;
bool is_held = false;

constexpr long poll_interval = 100; // ms: how late an opening is noticed
/// Slots that held logins leave free, beyond those reserved for superusers: a login needs a slot before its
/// role is known.
constexpr int spare_slots = 3;
/// Before authentication_timeout, which ends a login without a message.
constexpr core::Timestamp timeout_margin = core::microseconds_per_second;

std::atomic<std::int32_t>* own_pass() noexcept {
    pg::SessionSlot* const slot = pg::session_slot(compat::own_slot());
    return slot != nullptr ? &slot->pass.pid : nullptr;
}

/// Written before the gate is read, so that a lockdown finds either the pass or the login waiting at the gate
/// (pg/keep_out/gate.hpp).
void write_pass() noexcept {
    if (auto* const pass = own_pass())
        pass->store(compat::own_kind() == core::Kind::walsender ? -MyProcPid : MyProcPid,
                    std::memory_order_seq_cst);
    std::atomic_thread_fence(std::memory_order_seq_cst);
}

void take_pass_back() noexcept {
    if (auto* const pass = own_pass())
        pass->store(0, std::memory_order_seq_cst);
}

void release_place() noexcept {
    if (std::exchange(is_held, false))
        pg::shared_memory()->gate.release_place();
}

extern "C" void sessionctl_leave_gate(int, Datum) {
    release_place();
    take_pass_back();
}

bool acquire_place(pg::Gate& gate) {
    if (is_held)
        return true;
    const int reserved = compat::reserved_connections();
    is_held = compat::has_free_slots(reserved + spare_slots) &&
              gate.acquire_place(core::max_held_logins(MaxConnections, reserved));
    return is_held;
}

/// How long a hold can be here: authentication began before the gate was reached.
core::Timestamp longest_hold() noexcept {
    const core::Timestamp end =
        compat::own_start() + compat::authentication_timeout() * core::microseconds_per_second;
    const core::Timestamp left = end - timeout_margin - GetCurrentTimestamp();
    return std::max<core::Timestamp>(left / core::microseconds_per_millisecond, 0);
}

[[noreturn]] void refuse(const core::GateState& state, bool is_full) {
    const core::OneLine<2 * core::GateState::by_size> by(state.by);
    const core::OneLine<2 * core::GateState::reason_size> reason(state.reason);
    char who[2 * core::GateState::by_size + 32] = "";
    if (state.by[0] != '\0')
        std::snprintf(who, sizeof who, " by role \"%s\"", by.text());
    // The caller of lockdown_server() wrote the reason in another session: %s, never a format.
    ereport(FATAL,
            (errcode(ERRCODE_CANNOT_CONNECT_NOW), errmsg("the server is locked down"),
             errdetail("Locked%s until %s%s%s", who,
                       state.until != 0 ? timestamptz_to_str(state.until) : "it is unlocked",
                       state.reason[0] != '\0' ? ": " : ".", reason.text()),
             is_full ? errhint("The maximum number of logins is already waiting. Try again later.") : 0));
    pg_unreachable();
}

/// Called where the gate is closed. Returns when the login is admitted.
void wait_for_unlock(pg::Gate& gate, const Port* port, const AuthenticatedRole& role) {
    const char* const role_name = compat::role_of_login(port);
    const core::Timestamp began = pg::monotonic_now();
    const core::Timestamp longest = longest_hold();
    for (;;) {
        pg::Gate::View found = gate.view();
        const core::Timestamp now = GetCurrentTimestamp();
        found.state.hold = static_cast<std::int32_t>(std::min<core::Timestamp>(found.state.hold, longest));
        AcceptInvalidationMessages(); // while it waited, the role and its memberships may have changed
        role.require_still(role_name, compat::is_by_password(port));
        const core::Login login = pg::login_of(role.oid, compat::own_kind(), found.state);
        const core::Timestamp waited = (pg::monotonic_now() - began) / core::microseconds_per_millisecond;
        switch (core::admission_of(found.state, login, now, waited)) {
        case core::Admission::admit:
            if (found.state.is_over_at(now))
                pg::open_expired_gate(found.version);
            return;
        case core::Admission::refuse:
            refuse(found.state, false);
        case core::Admission::hold:
            break;
        }
        // A new lockdown need not wait for held logins.
        take_pass_back();
        if (!acquire_place(gate))
            refuse(found.state, true);
        const core::Timestamp left = found.state.hold - waited;
        InvalidateCatalogSnapshot(); // no snapshot is held meanwhile: replay on a standby would wait for it
        compat::wait_latch(std::min<long>(poll_interval, static_cast<long>(left)));
        CHECK_FOR_INTERRUPTS();
        write_pass();
    }
}

void check_lockdown(const Port* port) {
    pg::Gate& gate = pg::shared_memory()->gate;
    if (!gate.is_closed())
        return;
    const bool were_allowed = compat::set_immediate_interrupts(false);
    // Before anything accepts an invalidation.
    const AuthenticatedRole role = AuthenticatedRole::named(compat::role_of_login(port));
    // Core does so only later in the login: until then a membership that was once looked up stays as it was.
    initialize_acl();
    wait_for_unlock(gate, port, role);
    // What was looked up without a database lacks the membership of its owner in pg_database_owner.
    CallSyscacheCallbacks(AUTHMEMROLEMEM, 0);
    release_place();
    compat::set_immediate_interrupts(were_allowed);
}

void admit(const Port* port) {
    before_shmem_exit(sessionctl_leave_gate, 0);
    note_origin(port);
    write_pass();
    if (!pg::gate_setting())
        return;
    check_lockdown(port);
    refuse_in_cooldown(port);
}

extern "C" void sessionctl_gate(Port* port, int status) {
    if (previous_login != nullptr)
        previous_login(port, status);
    if (status == STATUS_OK && pg::shared_memory() != nullptr)
        admit(port);
}

} // namespace

void install_gate() {
    previous_login = compat::exchange_login_hook(sessionctl_gate);
}

} // namespace sessionctl::hooks
