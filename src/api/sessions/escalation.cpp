// escalate_report.

#include "api/serve.hpp"
#include "api/sessions/options.hpp"
#include "api/sessions/report.hpp"
#include "core/sessions/remaining_session.hpp"
#include "pg/clients/kernel_view.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"

extern "C" {
#include "miscadmin.h"
}

using namespace sessionctl;
using api::Request;

namespace {

using Row = api::Row<api::report_columns + core::step_count + 2>;

Request read(FunctionCallInfo fcinfo) {
    api::Arguments arguments(fcinfo);
    Request request;
    request.action = core::Action::escalate;
    api::read_condition(arguments, request);
    api::read_escalation_options(arguments, request);
    api::read_guards(arguments, request);
    return request;
}

bool is_closed(const core::Target& target) noexcept {
    const core::EscalationStep& closing = target.step(core::Step::close_socket);
    return closing.at != 0 && closing.outcome != core::Outcome::not_permitted;
}

/// The times of the steps, by the wall clock.
void add_steps(const core::Target& target, core::Timestamp wall_offset, Row& row) {
    for (const core::Step step : core::all_steps) {
        const core::Timestamp at = target.step(step).at;
        const bool is_taken = at != 0 && (step != core::Step::close_socket || is_closed(target));
        row.add_if(is_taken, [=] { return TimestampTzGetDatum(at + wall_offset); });
    }
}

core::string activity_text(const pg::RosterEntry& now, const core::KernelView* kernel) {
    const bool is_active = core::is_active(now.facts.state);
    const core::Timestamp since = is_active ? now.facts.query_start : now.facts.state_change;
    core::RemainingSession remaining = {};
    remaining.state = now.facts.state;
    remaining.in_state_for = since != 0 ? std::max<core::Timestamp>(GetCurrentTimestamp() - since, 0) : -1;
    remaining.has_wait_info = compat::has_wait_events;
    remaining.wait_event_type = now.proc.wait_event_type;
    remaining.wait_event = now.proc.wait_event;
    remaining.kernel = kernel;
    return core::activity_text(remaining);
}

/// About a session that has not ended, if the caller may see it; else both are empty.
struct Explanation {
    core::string activity;
    core::string root_command;
};

Explanation explanation_of(const core::Target& target) {
    Explanation explanation;
    if (target.outcome != core::Outcome::still_running && target.outcome != core::Outcome::not_permitted)
        return explanation;
    // Read before the roster, which shows whose process it was.
    const core::KernelView kernel = pg::kernel_view_of(target.session.id.pid);
    const pg::Roster roster = pg::Roster::take_one(target.session);
    if (roster.entries.empty() || !roster.entries.front().role_facts.is_visible)
        return explanation;
    const pg::RosterEntry& now = roster.entries.front();
    const pg::ClientAddress client(now.client);
    explanation.activity = activity_text(now, pg::call([] { return superuser(); }) ? &kernel : nullptr);
    explanation.root_command = core::root_command(
        target.session.id.pid, {client.host, client.port, client.is_local(), is_closed(target)});
    return explanation;
}

const char* text_or_null(const core::string& text) {
    return text.empty() ? nullptr : text.c_str();
}

Datum put_escalation(const api::Result& result, FunctionCallInfo fcinfo) {
    const core::Timestamp wall_offset = GetCurrentTimestamp() - pg::monotonic_now();
    core::vector<Explanation> explanations;
    for (const core::Target& target : result.plan)
        explanations.push_back(explanation_of(target));
    pg::call([&] {
        api::Rows rows(fcinfo);
        for (std::size_t i = 0; i < result.plan.size(); ++i) {
            const core::Target& target = result.plan[i];
            Row row;
            api::add_report_columns(target, result.roster.at(target.session.id.pid), row);
            add_steps(target, wall_offset, row);
            row.add_text(text_or_null(explanations[i].activity));
            row.add_text(text_or_null(explanations[i].root_command));
            row.put_into(rows);
        }
    });
    return 0;
}

} // namespace

SQL_FUNCTION(sessionctl_escalate_report)
{
    return api::serve([&] {
        const Request request = read(fcinfo);
        const pg::ScratchMemory scratch;
        return put_escalation(api::run(request), fcinfo);
    });
}
