// lockdown_server and unlock_server.

#include "api/keep_out/lockdown_server.hpp"

#include "api/serve.hpp"
#include "api/sessions/notices.hpp"
#include "api/sessions/options.hpp"
#include "core/error.hpp"
#include "pg/audit/log_line.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/shared_memory.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "utils/acl.h"
#include "utils/array.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;
using api::ServerLockdown;

namespace {

/// The sessions of refused roles, which the sweep has looked up. Workers, the caller's session and walsenders
/// that may still log in are not among them.
constexpr char condition[] =
    "usesysid = ANY ($1) AND coalesce(protection NOT IN ('self', 'parallel worker', 'not a client', "
    "'background process'), true) AND ($2 OR protection IS DISTINCT FROM 'replication' OR $3 AND datid IS "
    "NOT NULL)";

void record_caller(pg::GateState& state) {
    state.since = GetCurrentTimestamp();
    if (const char* const name = pg::call([] { return compat::role_name_or_null(GetUserId()); }))
        pg::keep(state.by, pg::kept_name(name));
}

void record_roles(pg::GateState& state, const core::vector<const char*>& names) {
    for (const char* const name : names) {
        if (std::strcmp(name, "pg_database_owner") == 0)
            throw core::Error(core::sqlstate::invalid_parameter_value,
                              "allow_roles cannot have role \"pg_database_owner\"")
                .detail("Who is its member depends on the database, and the lockdown is of the server.");
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

/// In the state 0 means no time; as an argument it is in the past.
core::Timestamp checked_until(std::optional<core::Timestamp> until) {
    if (until && *until <= GetCurrentTimestamp())
        throw core::Error(core::sqlstate::invalid_parameter_value, "until must be in the future")
            .hint("NULL means until you call sessionctl.unlock_server().");
    return until.value_or(0);
}

std::int64_t milliseconds_until(core::Timestamp deadline) {
    const core::Timestamp left = deadline - pg::monotonic_now();
    return std::max<core::Timestamp>(left / core::microseconds_per_millisecond, 1);
}

Request request_for(const ServerLockdown& lockdown, const core::vector<Oid>& roles, Datum* values) {
    static Oid types[] = {OIDARRAYOID, BOOLOID, BOOLOID};
    static char nulls[] = {' ', ' ', ' '};
    values[0] = pg::call([&roles] {
        auto* const elements = static_cast<Datum*>(palloc((roles.size() + 1) * sizeof(Datum)));
        int count = 0;
        for (const Oid role : roles)
            elements[count++] = ObjectIdGetDatum(role);
        return PointerGetDatum(construct_array(elements, count, OIDOID, sizeof(Oid), true, 'i'));
    });
    values[1] = BoolGetDatum(lockdown.state.include_replication);
    values[2] = BoolGetDatum(lockdown.refuses_database_walsenders);
    Request request;
    request.action = core::Action::terminate;
    request.condition = {condition, 3, types, values, nulls, nullptr};
    request.guards.include.superusers = lockdown.state.include_superusers;
    request.guards.include.replication = lockdown.state.include_replication;
    request.guards.include.database_walsenders = lockdown.refuses_database_walsenders;
    request.reason = lockdown.reason;
    return request;
}

ServerLockdown read_lockdown(Arguments& arguments, bool by_hba) {
    ServerLockdown lockdown;
    lockdown.refuses_database_walsenders = !by_hba || compat::hba_knows_database_walsenders;
    pg::GateState& state = lockdown.state;
    state.is_closed = true;
    lockdown.allow_roles = arguments.texts("allow_roles");
    record_roles(state, lockdown.allow_roles);
    state.include_superusers = arguments.boolean("include_superusers");
    state.include_replication = arguments.boolean("include_replication");
    lockdown.terminate = arguments.boolean("terminate");
    state.hold = core::checked_hold(arguments.interval("hold"), compat::authentication_timeout());
    state.until = checked_until(arguments.timestamp_or_null());
    Request wait;
    api::read_wait(arguments, wait);
    lockdown.timeout = wait.timeout;
    lockdown.reason = wait.reason;
    if (wait.reason != nullptr)
        pg::keep(state.reason, pg::kept_reason(wait.reason));
    record_caller(state);
    if (state.include_superusers && !pg::call([] { return superuser(); }))
        throw core::Error(core::sqlstate::insufficient_privilege, "must be superuser to lock out superusers");
    return lockdown;
}

bool is_hba(std::string_view method) {
    if (method == "gate" || method == "hba")
        return method == "hba";
    throw core::Error(core::sqlstate::invalid_parameter_value, "unrecognized method \"%.*s\"",
                      static_cast<int>(method.size()), method.data())
        .hint("Valid values are 'gate' and 'hba'.");
}

void warn_of_file(const char* why) {
    const core::string text = core::one_line(why, core::utf8);
    pg::call([&text] {
        ereport(WARNING, (errmsg("could not check pg_hba.conf for a lockdown: %s", text.c_str()),
                          errhint("If the server is also locked down by that file, delete the lines from >>> "
                                  "to <<< in it, then reload the configuration.")));
    });
}

/// An error with the file must not keep the gate closed.
bool unlock_file(const pg::GateState& open) {
    const bool must_succeed = !pg::gate_state().is_closed;
    try {
        return pg::in_subtransaction([&open] { return api::unlock_hba(open); });
    } catch (const pg::PgError& error) {
        if (must_succeed || error.is_cancel())
            throw;
        warn_of_file(error.data()->message);
    } catch (const core::Error& error) {
        if (must_succeed)
            throw;
        warn_of_file(error.what());
    }
    return false;
}

/// A superuser unlocks both, other roles the gate. If the caller can unlock neither, an error is raised.
bool unlock() {
    pg::GateState open = {};
    record_caller(open);
    const bool is_superuser = pg::call([] { return superuser(); });
    if (!is_superuser)
        api::require_preload();
    // First, so that an error leaves both as they were.
    const bool has_hba = is_superuser && unlock_file(open);
    const bool has_gate = pg::shared_memory() != nullptr && api::unlock_gate(open);
    return has_hba || has_gate;
}

} // namespace

std::int64_t api::end_refused_sessions(const ServerLockdown& lockdown, pg::ServerSweep& sweep) {
    const core::Timestamp deadline = pg::Span(lockdown.timeout * core::microseconds_per_millisecond).deadline;
    sweep.end_pending_logins(deadline, lockdown.timeout > 0);
    Datum values[3];
    Request request = request_for(lockdown, sweep.refused_roles(), values);
    request.timeout = lockdown.timeout > 0 ? milliseconds_until(deadline) : 0;
    const std::int64_t ended = core::counted(run(request).plan, request.action);
    // With timeout 0 the call does not wait for the sessions to end.
    api::warn_of_pending_logins(lockdown.timeout > 0 ? sweep.wait_for_pending_logins(deadline)
                                                     : sweep.open());
    return ended;
}

SQL_FUNCTION(sessionctl_lockdown_server)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        Arguments arguments(fcinfo);
        const bool by_hba = is_hba(arguments.text("method"));
        by_hba ? api::require_hba() : api::require_gate();
        const ServerLockdown lockdown = read_lockdown(arguments, by_hba);
        const pg::Progress progress(core::Call::lockdown_server);
        return Int64GetDatum(by_hba ? api::lock_hba(lockdown) : api::lock_gate(lockdown));
    });
}

SQL_FUNCTION(sessionctl_unlock_server)
{
    return api::serve([]() -> Datum {
        const pg::ScratchMemory scratch;
        const bool was_locked = unlock();
        if (!was_locked)
            pg::call([] { ereport(NOTICE, (errmsg("the server is not locked down"))); });
        return BoolGetDatum(was_locked);
    });
}
