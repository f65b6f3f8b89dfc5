// For the columns of session_activity that are computed only where they are named.

#include "api/serve.hpp"
#include "api/values.hpp"
#include "pg/clients/client_presence.hpp"
#include "pg/error.hpp"
#include "pg/locks/lock_waits.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/roster_in_force.hpp"

#include <optional>

using namespace sessionctl;

namespace {

/// The lock table is read once for a statement, at the first row that asks.
const pg::LockWaits& waits_for(FunctionCallInfo fcinfo) {
    auto*& waits = reinterpret_cast<pg::LockWaits*&>(fcinfo->flinfo->fn_extra);
    if (waits == nullptr) {
        const pg::MemoryScope scope(fcinfo->flinfo->fn_mcxt);
        waits = pg::LockWaits::take();
    }
    return *waits;
}

/// The sessions as one role sees them, and what they use.
struct SessionsInUse {
    pg::Roster roster = pg::Roster::take();
    pg::ResourceUse use{roster};
};

/// What is read once for a statement, at the first row that asks.
struct Looks {
    std::optional<SessionsInUse> sessions;
    pg::ClientConnections connections;

    /// Of the roster in use, or of a new one with the privileges of the current role.
    pg::ResourceUse& resource_use() {
        if (pg::RosterInForce* const in_force = pg::RosterInForce::current())
            return in_force->resource_use();
        if (!sessions || sessions->roster.viewer != GetUserId())
            sessions.emplace();
        return sessions->use;
    }
};

Looks& looks_for(FunctionCallInfo fcinfo) {
    auto*& looks = reinterpret_cast<Looks*&>(fcinfo->flinfo->fn_extra);
    if (looks == nullptr)
        looks = new (core::allocate(sizeof(Looks))) Looks();
    return *looks;
}

/// Calls `read` with the session that has this pid and shows this start. Without it the result is empty.
template <typename Read>
auto of_session(FunctionCallInfo fcinfo, Read&& read) {
    using Value = decltype(read(looks_for(fcinfo), std::declval<const pg::RosterEntry&>()));
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        return Value{};
    const pg::MemoryScope scope(fcinfo->flinfo->fn_mcxt);
    Looks& looks = looks_for(fcinfo);
    const pg::RosterEntry* const session = looks.resource_use().roster().find(PG_GETARG_INT32(0));
    return session != nullptr && session->shown.start == PG_GETARG_TIMESTAMPTZ(1) ? read(looks, *session)
                                                                                  : Value{};
}

std::optional<std::int64_t> use_of_session(FunctionCallInfo fcinfo, pg::Resource resource) {
    return of_session(fcinfo, [resource](Looks& looks, const pg::RosterEntry& session) {
        return looks.resource_use().of(session, resource);
    });
}

Datum bytes_of_session(FunctionCallInfo fcinfo, pg::Resource resource) {
    return api::serve([&]() -> Datum {
        const std::optional<std::int64_t> bytes = use_of_session(fcinfo, resource);
        fcinfo->isnull = !bytes;
        return bytes ? pg::call([&bytes] { return Int64GetDatum(*bytes); }) : 0;
    });
}

} // namespace

SQL_FUNCTION(sessionctl_blocked_by)
{
    return api::serve([&]() -> Datum {
        if (PG_ARGISNULL(0)) {
            fcinfo->isnull = true;
            return 0;
        }
        const pg::LockWaits& waits = waits_for(fcinfo);
        const core::vector<int> pids = waits.blocked_by(PG_GETARG_INT32(0));
        return pg::call([&pids] { return api::integers_of(pids); });
    });
}

SQL_FUNCTION(sessionctl_blocking_count)
{
    return api::serve([&]() -> Datum {
        if (PG_ARGISNULL(0)) {
            fcinfo->isnull = true;
            return 0;
        }
        return Int32GetDatum(waits_for(fcinfo).waiting_behind(PG_GETARG_INT32(0)));
    });
}

SQL_FUNCTION(sessionctl_client_gone)
{
    return api::serve([&]() -> Datum {
        const auto presence = of_session(fcinfo, [](Looks& looks, const pg::RosterEntry& session) {
            return session.role_facts.is_visible
                       ? looks.connections.presence_of(session.facts.id.pid, session.client)
                       : pg::ClientPresence::unknown;
        });
        fcinfo->isnull = presence == pg::ClientPresence::unknown;
        return BoolGetDatum(presence == pg::ClientPresence::gone);
    });
}

SQL_FUNCTION(sessionctl_memory_bytes)
{ return bytes_of_session(fcinfo, pg::Resource::memory); }

SQL_FUNCTION(sessionctl_cpu_time)
{
    return api::serve([&]() -> Datum {
        const std::optional<std::int64_t> time = use_of_session(fcinfo, pg::Resource::cpu_time);
        fcinfo->isnull = !time;
        return time ? pg::call([&time] { return api::interval_of(*time); }) : 0;
    });
}

SQL_FUNCTION(sessionctl_read_bytes)
{ return bytes_of_session(fcinfo, pg::Resource::bytes_read); }

SQL_FUNCTION(sessionctl_write_bytes)
{ return bytes_of_session(fcinfo, pg::Resource::bytes_written); }

SQL_FUNCTION(sessionctl_temp_bytes)
{ return bytes_of_session(fcinfo, pg::Resource::temporary_files); }
