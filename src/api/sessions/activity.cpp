// For the view session_activity.

#include "api/rows.hpp"
#include "api/serve.hpp"
#include "api/values.hpp"
#include "core/sessions/protection.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/roster_in_force.hpp"

using namespace sessionctl;

namespace {

constexpr int activity_columns = 33;
using ActivityRow = api::Row<activity_columns>;

void add_timestamp(ActivityRow& row, bool visible, TimestampTz time) {
    row.add_if(visible && time != 0, [time] { return TimestampTzGetDatum(time); });
}

/// The time since `since`, if it applies.
void add_age(ActivityRow& row, bool applies, TimestampTz now, TimestampTz since) {
    row.add_if(applies && since != 0, [=] { return api::interval_of(now - since); });
}

void add_xid(ActivityRow& row, TransactionId xid) {
    row.add_if(TransactionIdIsValid(xid), [xid] { return TransactionIdGetDatum(xid); });
}

void add_identity(ActivityRow& row, const pg::RosterEntry& entry, bool visible) {
    row.add_text(visible ? core::SessionId(entry.facts.id).text : nullptr);
    row.add(Int32GetDatum(entry.facts.id.pid));
    add_timestamp(row, visible, entry.facts.id.start);
    row.add_text(visible ? entry.backend_type : nullptr);
    row.add_if(OidIsValid(entry.database), [&] { return ObjectIdGetDatum(entry.database); });
    row.add_text(entry.database_name);
    row.add_if(OidIsValid(entry.role), [&] { return ObjectIdGetDatum(entry.role); });
    row.add_text(entry.role_facts.name);
    row.add_text(entry.application_name);
}

void add_client(ActivityRow& row, const pg::RosterEntry& entry, bool visible) {
    const pg::ClientAddress client(entry.client);
    row.add_if(visible && client.is_network(), [&] { return api::inet_of(client); });
    row.add_text(visible && client.is_network() && entry.client_hostname[0] ? entry.client_hostname
                                                                            : nullptr);
    row.add_if(visible && client.port != 0, [&] { return Int32GetDatum(client.port); });
}

void add_activity(ActivityRow& row, const pg::RosterEntry& entry, bool visible) {
    row.add_text(visible ? core::state_name(entry.facts.state) : nullptr);
    add_timestamp(row, visible, entry.facts.state_change);
    add_timestamp(row, visible, core::transaction_start(entry.facts));
    add_timestamp(row, visible, entry.facts.query_start);
    row.add_text(visible ? entry.proc.wait_event_type : nullptr);
    row.add_text(visible ? entry.proc.wait_event : nullptr);
    row.add_if(visible, [&] { return BoolGetDatum(entry.proc.waits_for_lock); });
    add_xid(row, entry.proc.xid);
    add_xid(row, entry.proc.xmin);
    row.add_if(visible && entry.proc.leader_pid != 0, [&] { return Int32GetDatum(entry.proc.leader_pid); });
    row.add_if(visible && entry.query_id != 0, [&] { return Int64GetDatum(entry.query_id); });
    row.add_text(visible ? entry.query : nullptr);
}

void add_ages(ActivityRow& row, const pg::RosterEntry& entry, TimestampTz now, bool visible) {
    const core::State state = entry.facts.state;
    const bool in_transaction = core::is_idle_in_transaction(state);
    add_age(row, visible && core::is_idle(state), now, entry.facts.state_change);
    add_age(row, visible && in_transaction, now, entry.facts.state_change);
    add_age(row, visible, now, core::transaction_start(entry.facts));
    add_age(row, visible && core::is_active(state), now, entry.facts.query_start);
    add_age(row, visible, now, entry.facts.id.start);
}

void put_session(const pg::RosterEntry& entry, TimestampTz now, api::Rows& rows) {
    const bool visible = entry.role_facts.is_visible;
    const bool has_role = OidIsValid(entry.role);
    ActivityRow row;
    add_identity(row, entry, visible);
    add_client(row, entry, visible);
    add_activity(row, entry, visible);
    add_ages(row, entry, now, visible);
    row.add_if(has_role, [&] { return BoolGetDatum(entry.role_facts.is_superuser); });
    row.add_if(has_role, [&] { return BoolGetDatum(entry.role_facts.can_login); });
    row.add(BoolGetDatum(entry.facts.is_self));
    row.add_text(core::protection_name(core::protection_of(entry.facts, {})));
    row.put_into(rows);
}

void put_roster(const pg::Roster& roster, FunctionCallInfo fcinfo) {
    pg::call([&] {
        api::Rows rows(fcinfo);
        for (const pg::RosterEntry& entry : roster.entries)
            put_session(entry, roster.taken_at, rows);
    });
}

} // namespace

SQL_FUNCTION(sessionctl_activity)
{
    return api::serve([&]() -> Datum {
        if (const pg::RosterInForce* const in_force = pg::RosterInForce::current()) {
            put_roster(in_force->roster(), fcinfo);
        } else {
            const pg::ScratchMemory scratch;
            put_roster(pg::Roster::take(), fcinfo);
        }
        return 0;
    });
}

SQL_FUNCTION(sessionctl_is_passed_over_by_vacuum)
{
    return api::serve([&]() -> Datum {
        if (PG_ARGISNULL(0)) {
            fcinfo->isnull = true;
            return 0;
        }
        const int pid = PG_GETARG_INT32(0);
        return BoolGetDatum(pg::call([pid] { return compat::is_ignored_by_vacuum(pid); }));
    });
}
