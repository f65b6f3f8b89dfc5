#include "api/report.hpp"

#include "api/rows.hpp"
#include "api/values.hpp"
#include "pg/error.hpp"

namespace sessionctl::api {

namespace {

void put_target(const core::Target& target, const pg::RosterEntry& session, Rows& rows) {
    const bool visible = session.role_facts.is_visible;
    Row<10> row;
    row.add_text(visible ? core::SessionId(session.facts.id).text : nullptr);
    row.add(Int32GetDatum(session.facts.id.pid));
    row.add_text(core::outcome_name(target.outcome));
    row.add_text(session.role_facts.name);
    row.add_text(session.database_name);
    row.add_text(session.application_name);
    const pg::ClientAddress client(session.client);
    row.add_if(visible && client.is_network(), [&] { return inet_of(client); });
    row.add_text(visible ? core::state_name(session.facts.state) : nullptr);
    row.add_if(target.elapsed >= 0, [&] { return interval_of(target.elapsed); });
    row.add_text(target.reason);
    row.put_into(rows);
}

} // namespace

Datum put_report(const Result& result, FunctionCallInfo fcinfo) {
    pg::call([&] {
        Rows rows(fcinfo);
        for (const core::Target& target : result.plan)
            put_target(target, *result.roster.find(target.session.id.pid), rows);
    });
    return 0;
}

} // namespace sessionctl::api
