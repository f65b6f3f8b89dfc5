#include "api/run.hpp"

#include "core/error.hpp"
#include "pg/audit.hpp"
#include "pg/error.hpp"
#include "pg/exit_guard.hpp"
#include "pg/server.hpp"

namespace sessionctl::api {

namespace {

bool acts(core::Action action) noexcept {
    return action == core::Action::cancel || action == core::Action::terminate;
}

core::Plan plan_for(const core::vector<pg::Match>& matches, const pg::Roster& roster) {
    core::Plan plan;
    plan.reserve(matches.size());
    for (const pg::Match& match : matches) {
        core::Target target = {};
        target.session = roster.find(match.pid)->facts;
        target.group = match.group;
        target.elapsed = -1;
        plan.push_back(target);
    }
    return plan;
}

void write_audit(void* audit) noexcept {
    static_cast<pg::Audit*>(audit)->write();
}

void act(const Request& request, Result& result) {
    core::string reason;
    if (request.reason != nullptr)
        reason = pg::fit_reason(request.reason);
    pg::Audit audit(request.action, result.plan, result.roster,
                    request.reason != nullptr ? std::string_view(reason.data(), reason.size())
                                              : std::string_view());
    // Should this session be ended while it waits, no destructor runs, but the log still has to tell what was
    // done.
    const pg::ExitGuard guard(write_audit, &audit);
    pg::LiveServer server;
    try {
        core::signal_all(result.plan, request.action, request.recheck, server);
        if (request.timeout > 0) {
            const core::Timestamp wait = std::min<core::Timestamp>(
                request.timeout * core::microseconds_per_millisecond, pg::time_left_for_statement());
            core::prove_all(result.plan, request.action, server.now() + wait, server);
        }
    } catch (...) {
        audit.write();
        throw;
    }
    audit.write();
}

void tell_summary(const Request& request, const core::Plan& plan) {
    const core::string summary = core::summary(plan, request.action);
    if (summary.empty())
        return;
    const char* const text = summary.c_str();
    pg::call([text] { ereport(NOTICE, (errmsg_internal("%s", text))); });
}

void warn_of_survivors(const core::Plan& plan) {
    const auto survivors = static_cast<unsigned long>(core::count_of(plan, core::Outcome::still_running));
    if (survivors == 0)
        return;
    core::Timestamp waited = 0;
    for (const core::Target& target : plan)
        if (target.outcome == core::Outcome::still_running)
            waited = std::max(waited, target.elapsed);
    pg::call([=] {
        ereport(
            WARNING,
            (errmsg_plural("%lu session is still running after %.1f s",
                           "%lu sessions are still running after %.1f s", survivors, survivors,
                           static_cast<double>(waited) / core::microseconds_per_second),
             errdetail(
                 "The signal was sent and stays in force: a session in a system call, or in code that does "
                 "not check for interrupts, obeys when it comes back."),
             errhint("Call again with a longer timeout (below statement_timeout), or look at them in "
                     "sessionctl.session_activity.")));
    });
}

} // namespace

Result run(const Request& request) {
    Result result;
    result.roster = pg::Roster::take();
    result.plan = plan_for(pg::evaluate(request.condition, result.roster), result.roster);
    core::choose(result.plan, request.guards);
    if (request.guards.refuse_above)
        core::refuse_excess(result.plan, *request.guards.refuse_above);
    if (acts(request.action))
        act(request, result);
    tell_summary(request, result.plan);
    warn_of_survivors(result.plan);
    return result;
}

} // namespace sessionctl::api
