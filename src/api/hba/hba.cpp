// lockdown_server and unlock_server by pg_hba.conf.

#include "pg/hba/hba.hpp"
#include "api/keep_out/lockdown_server.hpp"
#include "core/error.hpp"
#include "core/utc.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/exit_guard.hpp"
#include "pg/hba/hba_probe.hpp"
#include "pg/hba/hba_server.hpp"
#include "pg/hba/hba_sweep.hpp"

namespace sessionctl::api {

namespace {

constexpr core::Timestamp lock_timeout = 5 * core::microseconds_per_second;
/// For a login to send its role and database.
constexpr core::Timestamp login_timeout = 250 * core::microseconds_per_millisecond;

void refuse_gate_options(const pg::GateState& state) {
    if (state.hold == 0 && state.until == 0)
        return;
    throw core::Error(core::sqlstate::invalid_parameter_value, "method 'hba' does not support %s",
                      state.hold != 0 ? "hold" : "until")
        .hint("pg_hba.conf can neither hold logins nor end a lockdown at a given time. Use method %s 'gate'.",
              compat::argument_sign);
}

/// The file with a new lockdown, instead of an earlier one if it has that.
core::hba::Locked locked(const core::hba::File& file, const ServerLockdown& lockdown) {
    pg::HbaServer server;
    core::hba::Lockdown wanted;
    wanted.superusers = server.superusers();
    wanted.allow_roles.assign(lockdown.allow_roles.begin(), lockdown.allow_roles.end());
    wanted.include_superusers = lockdown.state.include_superusers;
    wanted.include_replication = lockdown.state.include_replication;
    wanted.mark.by = lockdown.state.by;
    wanted.mark.at = core::utc_text(lockdown.state.since).text;
    wanted.mark.reason = lockdown.state.reason;
    wanted.probe = pg::new_probe_name();
    core::hba::File open = file;
    if (std::optional<core::string> text = core::hba::unlock(file.text))
        open.text = std::move(*text);
    return core::hba::lock(open, wanted, core::hba::dialect_of(compat::server_version), server);
}

void warn_of_left_out(const core::vector<core::string>& roles) {
    for (const core::string& role : roles) {
        const pg::ShownName name(role.c_str());
        pg::call([&name] {
            ereport(WARNING, (errmsg("role \"%s\" cannot log in until the server is unlocked", name.text()),
                              errdetail("Its name contains a newline and cannot be written in pg_hba.conf."),
                              errhint("Rename the role, or lock the server down with method %s 'gate'.",
                                      compat::argument_sign)));
        });
    }
}

struct Lockdown {
    const ServerLockdown& arguments;
    pg::HbaChange change;
};

void undo_hba(void* argument) noexcept {
    Lockdown& lockdown = *static_cast<Lockdown*>(argument);
    if (!lockdown.change.is_made())
        return;
    const bool is_undone = lockdown.change.undo();
    pg::log_gate("lockdown_server", is_undone ? "undone in pg_hba.conf" : "not undone in pg_hba.conf",
                 lockdown.arguments.state);
}

/// The file is changed first. If what follows fails, or this session is terminated, the change is undone.
std::int64_t close_server(Lockdown& lockdown) {
    const ServerLockdown& arguments = lockdown.arguments;
    const pg::ExitGuard guard(undo_hba, &lockdown);
    try {
        core::hba::Locked next = locked(lockdown.change.file(), arguments);
        warn_of_left_out(next.left_out);
        lockdown.change.make(std::move(next.text));
        lockdown.change.prove();
        pg::log_gate("lockdown_server", "closed in pg_hba.conf", arguments.state);
        warn_of_logical_replication(arguments);
        if (!arguments.terminate)
            return 0;
        const core::Timestamp half = arguments.timeout * core::microseconds_per_millisecond / 2;
        pg::HbaSweep sweep(arguments.state, arguments.reason,
                           half > 0 ? std::min(half, login_timeout) : login_timeout);
        return end_refused_sessions(arguments, sweep);
    } catch (...) {
        undo_hba(&lockdown);
        throw;
    }
}

void warn_of_unproven_unlock() {
    pg::call([] {
        ereport(WARNING,
                (errmsg("pg_hba.conf is unlocked, but the server may not have loaded it"),
                 errhint("See the server log, then reload the configuration with pg_reload_conf().")));
    });
}

} // namespace

void require_hba() {
    if (!pg::call([] { return superuser(); }))
        throw core::Error(core::sqlstate::insufficient_privilege,
                          "must be superuser to lock the server down by pg_hba.conf");
    if (!IsUnderPostmaster)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "cannot lock the server down in single-user mode");
}

std::int64_t lock_hba(const ServerLockdown& arguments) {
    refuse_gate_options(arguments.state);
    pg::HbaLock lock(lock_timeout);
    Lockdown lockdown = {arguments, {}};
    const std::int64_t ended = close_server(lockdown);
    lock.release();
    return ended;
}

bool unlock_hba(const pg::GateState& open) {
    pg::HbaLock lock(lock_timeout);
    pg::HbaChange change;
    const core::string before = change.file().text;
    std::optional<core::string> text = core::hba::unlock(before);
    if (text) {
        change.open(*text);
        pg::log_gate("unlock_server", "open in pg_hba.conf", open);
        if (!pg::is_forgotten(before))
            warn_of_unproven_unlock();
    } else {
        change.remove_leftovers();
    }
    lock.release();
    return text.has_value();
}

} // namespace sessionctl::api
