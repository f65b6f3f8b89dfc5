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

/// What is read once for a statement, at the first row that asks.
struct Clients {
    std::optional<pg::Roster> roster;
    pg::ClientConnections connections;
};

Clients& clients_for(FunctionCallInfo fcinfo) {
    auto*& clients = reinterpret_cast<Clients*&>(fcinfo->flinfo->fn_extra);
    if (clients == nullptr)
        clients = new (core::allocate(sizeof(Clients))) Clients();
    return *clients;
}

/// The roster in use, or a new one with the privileges of the current role.
const pg::Roster& roster_for(Clients& clients) {
    if (const pg::RosterInForce* const in_force = pg::RosterInForce::current())
        return in_force->roster();
    if (!clients.roster || clients.roster->viewer != GetUserId())
        clients.roster = pg::Roster::take();
    return *clients.roster;
}

/// The sessions as one role sees them, and what they use.
struct SessionsInUse {
    pg::Roster roster = pg::Roster::take();
    pg::ResourceUse use{roster};
};

/// As above: of the roster in use, or a new one.
pg::ResourceUse& resource_use_for(FunctionCallInfo fcinfo) {
    if (pg::RosterInForce* const in_force = pg::RosterInForce::current())
        return in_force->resource_use();
    const pg::MemoryScope scope(fcinfo->flinfo->fn_mcxt);
    auto*& sessions = reinterpret_cast<std::optional<SessionsInUse>*&>(fcinfo->flinfo->fn_extra);
    if (sessions == nullptr)
        sessions = new (core::allocate(sizeof *sessions)) std::optional<SessionsInUse>();
    if (!*sessions || (*sessions)->roster.viewer != GetUserId())
        sessions->emplace();
    return (*sessions)->use;
}

/// Of the session that has this pid and shows this start.
std::optional<std::int64_t> use_of_session(FunctionCallInfo fcinfo, pg::Resource resource) {
    if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
        return {};
    pg::ResourceUse& use = resource_use_for(fcinfo);
    const pg::RosterEntry* const session = use.roster().find(PG_GETARG_INT32(0));
    if (session == nullptr || session->shown.start != PG_GETARG_TIMESTAMPTZ(1))
        return {};
    return use.of(*session, resource);
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
        if (PG_ARGISNULL(0)) {
            fcinfo->isnull = true;
            return 0;
        }
        const pg::MemoryScope scope(fcinfo->flinfo->fn_mcxt);
        Clients& clients = clients_for(fcinfo);
        const pg::RosterEntry* const entry = roster_for(clients).find(PG_GETARG_INT32(0));
        const auto presence = entry != nullptr && entry->role_facts.is_visible
                                  ? clients.connections.presence_of(entry->facts.id.pid, entry->client)
                                  : pg::ClientPresence::unknown;
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
