// lockdown_server and unlock_server by the gate.

#include "api/keep_out/lockdown_server.hpp"
#include "core/error.hpp"
#include "pg/error.hpp"
#include "pg/exit_guard.hpp"
#include "pg/logins/gate_sweep.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::api {

namespace {

void warn_of_concurrent_change(const pg::GateChange& change) {
    if (change.is_in_force())
        return;
    pg::call([] {
        ereport(
            WARNING,
            (errmsg(
                "another session locked or unlocked the server concurrently, and its change is in effect")));
    });
}

void undo_gate(void* change) noexcept {
    static_cast<pg::GateChange*>(change)->undo();
}

} // namespace

void require_preload() {
    if (pg::shared_memory() == nullptr)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "the gate needs the library to be preloaded")
            .hint("Add pg_sessionctl to shared_preload_libraries and restart the server, or use "
                  "method %s 'hba'.",
                  compat::argument_sign);
}

void require_gate() {
    require_preload();
    require_gate_setting();
}

void require_gate_setting() {
    if (!pg::gate_setting())
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "the gate is switched off by pg_sessionctl.gate")
            .hint("Set pg_sessionctl.gate to on and reload the configuration.");
}

/// The gate is closed first. If what follows fails, or this session is terminated, that is undone.
std::int64_t lock_gate(const ServerLockdown& lockdown) {
    pg::GateChange change;
    const pg::ExitGuard guard(undo_gate, &change);
    try {
        change.close(lockdown.state);
        pg::log_gate("lockdown_server", change.is_written() ? "closed" : "closed until a restart",
                     lockdown.state);
        warn_of_logical_replication(lockdown);
        pg::GateSweep sweep(lockdown.state, lockdown.reason);
        const std::int64_t ended = lockdown.terminate ? end_refused_sessions(lockdown, sweep) : 0;
        warn_of_concurrent_change(change);
        change.settle();
        return ended;
    } catch (...) {
        change.undo();
        throw;
    }
}

bool unlock_gate(const pg::GateState& open) {
    pg::GateChange change;
    change.open();
    if (change.was_closed())
        pg::log_gate("unlock_server", "open", open);
    return change.was_closed();
}

} // namespace sessionctl::api
