// Keep out: lockdown_server, unlock_server.

#include "api/options.hpp"
#include "api/serve.hpp"
#include "core/error.hpp"
#include "pg/exit_guard.hpp"
#include "pg/gate_sweep.hpp"
#include "pg/log_line.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/server.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/acl.h"
#include "utils/array.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;

namespace {

/// Whose session the gate would have refused. The roles are looked up where the gate looks them up; whoever
/// it is, workers and the caller are none of its business.
constexpr char condition[] =
    "usesysid = ANY ($1) AND coalesce(protection NOT IN ('self', 'parallel worker', 'not a client'), true) "
    "AND ($2 OR protection IS DISTINCT FROM 'replication')";

struct Lockdown {
    pg::GateState state = {};
    bool terminate = true;
    std::int64_t timeout = 0; // ms
    const char* reason = nullptr;
};

void require_gate() {
    if (pg::shared_memory() == nullptr)
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "the gate needs the library to be preloaded")
            .hint("Add pg_sessionctl to shared_preload_libraries and restart the server, or use "
                  "method => 'hba'.");
}

void require_setting() {
    if (!pg::gate_setting())
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "the gate is switched off by pg_sessionctl.gate")
            .hint("Set pg_sessionctl.gate to on and reload the configuration.");
}

/// The texts of the gate are read before a login has a database, and in every database: UTF-8. What is too
/// long is cut at the end of a character.
template <std::size_t size>
void keep(char (&target)[size], const char* text) {
    const char* const converted =
        pg::call([text] { return pg_server_to_any(text, static_cast<int>(std::strlen(text)), PG_UTF8); });
    const std::size_t length = core::clipped_length(converted, size - 1);
    std::memcpy(target, converted, length);
    target[length] = '\0';
}

void keep_who(pg::GateState& state) {
    state.since = GetCurrentTimestamp();
    if (const char* const name = pg::call([] { return compat::role_name_or_null(GetUserId()); }))
        keep(state.by, name);
}

void keep_roles(pg::GateState& state, const core::vector<const char*>& names) {
    for (const char* const name : names) {
        const Oid role = pg::call([name] { return get_role_oid(name, false); }); // 42704
        if (state.allows_role(role))
            continue;
        if (state.role_count == pg::GateState::most_roles)
            throw core::Error(core::sqlstate::program_limit_exceeded, "allow_roles has more than %d roles",
                              pg::GateState::most_roles)
                .hint("Allow a role that all of them are members of.");
        state.allow_roles[state.role_count++] = role;
    }
}

void check_until(core::Timestamp until) {
    if (until != 0 && until <= GetCurrentTimestamp())
        throw core::Error(core::sqlstate::invalid_parameter_value, "until must be in the future")
            .hint("NULL is until sessionctl.unlock_server().");
}

/// From `allow_roles` on: what stands after the method.
Lockdown read_lockdown(Arguments& arguments) {
    Lockdown lockdown;
    pg::GateState& state = lockdown.state;
    state.is_closed = true;
    keep_roles(state, arguments.texts("allow_roles"));
    state.include_superusers = arguments.boolean("include_superusers");
    state.include_replication = arguments.boolean("include_replication");
    lockdown.terminate = arguments.boolean("terminate");
    state.hold = core::checked_hold(arguments.interval("hold"), compat::authentication_timeout());
    state.until = arguments.timestamp_or_zero();
    check_until(state.until);
    Request wait;
    api::read_wait(arguments, wait);
    lockdown.timeout = wait.timeout;
    lockdown.reason = wait.reason;
    if (wait.reason != nullptr)
        keep(state.reason, core::clean_reason(wait.reason, pg::server_encoding()).c_str());
    keep_who(state);
    if (state.include_superusers && !pg::call([] { return superuser(); }))
        throw core::Error(core::sqlstate::insufficient_privilege, "must be superuser to shut out superusers");
    return lockdown;
}

std::int64_t milliseconds_until(core::Timestamp deadline) {
    const core::Timestamp left = deadline - pg::monotonic_now();
    return std::max<core::Timestamp>(left / core::microseconds_per_millisecond, 1);
}

Request request_for(const Lockdown& lockdown, const core::vector<Oid>& roles, Datum* values) {
    static Oid types[] = {OIDARRAYOID, BOOLOID};
    static char nulls[] = {' ', ' '};
    values[0] = pg::call([&roles] {
        auto* const elements = static_cast<Datum*>(palloc((roles.size() + 1) * sizeof(Datum)));
        int count = 0;
        for (const Oid role : roles)
            elements[count++] = ObjectIdGetDatum(role);
        return PointerGetDatum(construct_array(elements, count, OIDOID, sizeof(Oid), true, 'i'));
    });
    values[1] = BoolGetDatum(lockdown.state.include_replication);
    Request request;
    request.action = core::Action::terminate;
    request.condition = {condition, 2, types, values, nulls, nullptr};
    request.guards.include.superusers = lockdown.state.include_superusers;
    request.guards.include.replication = lockdown.state.include_replication;
    request.reason = lockdown.reason;
    return request;
}

void warn_of_newcomers(int number) {
    if (number == 0)
        return;
    pg::call([number] {
        ereport(WARNING, (errmsg_plural("%d login that was under way is not proven gone",
                                        "%d logins that were under way are not proven gone", number, number),
                          errhint("Call again with a longer timeout.")));
    });
}

/// Ends all whom the gate would have refused: sessions, counted, and logins that went through it just before.
std::int64_t empty_the_server(const Lockdown& lockdown) {
    const core::Timestamp wait = std::min<core::Timestamp>(
        lockdown.timeout * core::microseconds_per_millisecond, pg::time_left_for_statement());
    const core::Timestamp deadline = pg::monotonic_now() + wait;
    pg::GateSweep sweep(lockdown.state, lockdown.reason);
    sweep.end_newcomers(deadline);
    Datum values[2];
    Request request = request_for(lockdown, sweep.refused_roles(), values);
    request.timeout = lockdown.timeout > 0 ? milliseconds_until(deadline) : 0;
    const std::int64_t ended = core::counted(api::run(request).plan, request.action);
    // With no time to wait there is nothing to prove, as everywhere.
    warn_of_newcomers(lockdown.timeout > 0 ? sweep.wait_for_newcomers(deadline) : sweep.without_role());
    return ended;
}

void warn_if_overruled(const pg::GateChange& change) {
    if (change.is_in_force())
        return;
    pg::call([] {
        ereport(WARNING,
                (errmsg("somebody else locked or unlocked the server meanwhile: theirs is in force")));
    });
}

void undo(void* change) noexcept {
    static_cast<pg::GateChange*>(change)->undo();
}

/// The door is closed first. Should anything go wrong after that, or this session be ended, it is again as it
/// was before.
std::int64_t lock_down(const Lockdown& lockdown) {
    pg::GateChange change;
    const pg::ExitGuard guard(undo, &change);
    try {
        change.make(lockdown.state);
        pg::log_gate("lockdown_server", "closed", lockdown.state);
        const std::int64_t ended = lockdown.terminate ? empty_the_server(lockdown) : 0;
        warn_if_overruled(change);
        return ended;
    } catch (...) {
        change.undo();
        throw;
    }
}

bool unlock() {
    pg::GateState open = {};
    keep_who(open);
    pg::GateState nothing = {};
    pg::GateChange change;
    change.make(nothing);
    if (change.was_closed()) {
        pg::log_gate("unlock_server", "open", open);
        return true;
    }
    pg::call([] { ereport(NOTICE, (errmsg("the server is not locked down"))); });
    return false;
}

/// Does not return where the method is not the gate.
void check_method(std::string_view method) {
    if (method == "gate")
        return;
    if (method == "hba")
        throw core::Error(core::sqlstate::feature_not_supported, "method 'hba' is not built yet");
    throw core::Error(core::sqlstate::invalid_parameter_value, "unrecognized method \"%.*s\"",
                      static_cast<int>(method.size()), method.data())
        .hint("Allowed are 'gate' and 'hba'.");
}

} // namespace

SQL_FUNCTION(sessionctl_lockdown_server)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        check_method(arguments.text("method"));
        require_gate();
        require_setting();
        return Int64GetDatum(lock_down(read_lockdown(arguments)));
    });
}

SQL_FUNCTION(sessionctl_unlock_server)
{
    return api::serve([]() -> Datum {
        const pg::ScratchMemory scratch;
        require_gate();
        return BoolGetDatum(unlock());
    });
}
