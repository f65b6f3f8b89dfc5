#include "api/sessions/run.hpp"

#include "api/sessions/client_message.hpp"
#include "api/sessions/drain.hpp"
#include "api/sessions/notices.hpp"
#include "core/sessions/escalation.hpp"
#include "pg/audit/audit.hpp"
#include "pg/error.hpp"
#include "pg/exit_guard.hpp"
#include "pg/logins/cooldown_sweep.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/settings.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace sessionctl::api {

namespace {

bool acts(core::Action action) noexcept {
    return action != core::Action::count && action != core::Action::preview;
}

core::Plan plan_for(const core::vector<pg::Match>& matches, const pg::Roster& roster) {
    core::Plan plan;
    plan.reserve(matches.size());
    for (const pg::Match& match : matches) {
        core::Target target = {};
        target.session = roster.at(match.pid).facts;
        target.group = match.group;
        target.elapsed = -1;
        plan.push_back(target);
    }
    return plan;
}

/// The server for a call that has a periodic task, a selector, or both.
class RequestServer final : public pg::LiveServer {
  public:
    RequestServer(const pg::ClientMessage& client_message, pg::CallEvidence& evidence,
                  pg::CallCooldowns& cooldown, const Request& request, const pg::Roster& roster)
        : LiveServer(client_message, &evidence, &cooldown), request_(request), roster_(roster) {}

    bool still_selects(const core::Session& session) override {
        return request_.selector != nullptr && request_.selector->still_selects(session, roster_);
    }

    void sleep(core::Timestamp microseconds) override {
        if (request_.meanwhile != nullptr)
            request_.meanwhile->run();
        LiveServer::sleep(microseconds);
    }

  private:
    const Request& request_;
    const pg::Roster& roster_;
};

void write_audit(void* audit) noexcept {
    static_cast<pg::Audit*>(audit)->write();
}

void signal_and_prove(const Request& request, const pg::ClientMessage& client_message,
                      pg::CallEvidence& evidence, core::Timestamp deadline, Result& result,
                      core::ResultObserver& observer) {
    pg::CallCooldowns cooldown(request.cooldown, result.roster, request.reason);
    pg::CooldownSweep sweep(cooldown.logins(), result.roster, request.reason);
    RequestServer server(client_message, evidence, cooldown, request, result.roster);
    core::signal_all(result.plan, request.action, request.recheck, deadline, server);
    sweep.end_pending_logins(deadline);
    if (request.timeout > 0) {
        core::prove_all(result.plan, request.action, deadline, server, observer);
        warn_of_pending_logins(sweep.wait_for_pending_logins(deadline));
    }
    warn_of_displaced(cooldown.displaced());
}

void escalate(const Request& request, const pg::ClientMessage& client_message, pg::CallEvidence& evidence,
              core::Plan& plan, pg::Audit& audit) {
    pg::LiveServer server(client_message, &evidence);
    const core::Timestamp step = request.timeout * core::microseconds_per_millisecond;
    core::escalate(plan, {step, request.closes_sockets, pg::time_left_for_statement()}, server, audit);
}

/// When a call returns at the latest; not known if it does not wait.
core::Timestamp end_of(const Request& request, const pg::Span& span) {
    if (request.timeout == 0)
        return pg::Progress::no_deadline;
    if (request.action != core::Action::escalate)
        return span.deadline;
    const core::Timestamp step = request.timeout * core::microseconds_per_millisecond;
    return pg::Span((request.closes_sockets ? 3 : 2) * step).deadline;
}

void act(const Request& request, const pg::Span& span, Result& result) {
    const pg::Progress progress(core::call_of(request.action), end_of(request, span), &result.plan);
    pg::CallEvidence evidence(result.roster);
    pg::Audit audit(request.action, result.plan, result.roster, evidence, request.condition, request.reason);
    audit.set_cooldown(request.cooldown);
    // If this session is terminated while it waits, no destructor runs, but the log must still have what was
    // done.
    const pg::ExitGuard guard(write_audit, &audit);
    const pg::TimeoutDeferral deferral;
    const pg::ClientMessage client_message = client_message_of(request.reason, result.roster.viewer);
    try {
        switch (request.action) {
        case core::Action::escalate:
            escalate(request, client_message, evidence, result.plan, audit);
            break;
        case core::Action::drain:
            drain(request, client_message, evidence, span, result.plan, audit);
            break;
        default:
            signal_and_prove(request, client_message, evidence, span.deadline, result, audit);
            break;
        }
    } catch (...) {
        audit.write();
        throw;
    }
    audit.write();
}

} // namespace

Result run(const Request& request) {
    const pg::Span span(request.timeout * core::microseconds_per_millisecond);
    Result result;
    pg::warn_of_unknown_protected_roles();
    result.roster = pg::Roster::take();
    if (request.selector != nullptr)
        request.selector->find(result.roster);
    result.plan = plan_for(pg::evaluate(request.condition, result.roster), result.roster);
    core::choose(result.plan, request.guards);
    report_hidden_times(request.guards, result.plan);
    if (request.guards.refuse_above)
        core::refuse_excess(result.plan, *request.guards.refuse_above);
    if (acts(request.action))
        act(request, span, result);
    else if (!request.guards.refuse_above)
        report_refusal_ahead(result.plan);
    report_summary(request, result.plan);
    if (request.recheck == core::Recheck::idleness ||
        (request.recheck == core::Recheck::wait && !compat::has_wait_start))
        report_hidden_states(result.roster);
    warn_of_unfinished(result.plan, span.is_cut_short);
    warn_of_remaining(request, result.plan);
    if (request.action == core::Action::drain && request.timeout > 0)
        report_walsenders(result.roster, result.plan);
    return result;
}

Value oid_value(Oid oid) noexcept {
    return {OIDOID, ObjectIdGetDatum(oid)};
}

Result run_for(Request& request, const char* condition, Value value) {
    char is_null = ' ';
    request.condition = {condition, 1, &value.type, &value.datum, &is_null, request.condition.per};
    return run(request);
}

std::int64_t terminate(Request& request, const char* condition, Value value) {
    request.action = core::Action::terminate;
    return core::counted(run_for(request, condition, value).plan, request.action);
}

} // namespace sessionctl::api
