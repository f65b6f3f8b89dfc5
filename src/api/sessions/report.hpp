// The columns of preview_where and of all functions that end in _report.
#pragma once

#include "api/rows.hpp"
#include "api/sessions/run.hpp"
#include "api/values.hpp"

namespace sessionctl::api {

/// The columns that all of them begin with.
constexpr int report_columns = 10;

/// Raises PostgreSQL errors: use inside pg::call.
template <int columns>
void add_report_columns(const core::Target& target, const pg::RosterEntry& session, Row<columns>& row) {
    const bool visible = session.role_facts.is_visible;
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
}

/// One row for each matched session.
Datum put_report(const Result& result, FunctionCallInfo call);

} // namespace sessionctl::api
