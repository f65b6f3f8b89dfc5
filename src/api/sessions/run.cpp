#include "api/sessions/run.hpp"

#include "api/sessions/drain.hpp"
#include "core/error.hpp"
#include "core/sessions/drain.hpp"
#include "core/sessions/escalation.hpp"
#include "pg/audit/audit.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/exit_guard.hpp"
#include "pg/logins/cooldown_sweep.hpp"
#include "pg/sessions/disclosure.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/progress.hpp"
#include "pg/sessions/session_table.hpp"
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

/// The reason is another user's text, and is marked as such.
pg::ClientMessage client_message_of(const char* reason, Oid asker) {
    pg::ClientMessage client_message = {};
    if (reason == nullptr)
        return client_message;
    const core::string text = pg::kept_reason(reason);
    const char* const role = pg::call([asker] { return compat::role_name_or_null(asker); });
    core::string detail("Reason given by role \"");
    if (role != nullptr)
        detail.append(core::one_line(pg::kept_name(role), core::utf8));
    detail.append("\": ").append(text);
    pg::keep(client_message.detail, detail);
    return client_message;
}

void warn_of_displaced(int number) {
    if (number == 0)
        return;
    pg::call([number] {
        ereport(WARNING,
                (errmsg_plural("%d cooldown ended early because there are too many",
                               "%d cooldowns ended early because there are too many", number, number),
                 errdetail("The limit is %d cooldowns, %d of them for superusers only. The oldest cooldowns "
                           "of the role that set most are ended first.",
                           core::CooldownTable::capacity, core::CooldownTable::reserved)));
    });
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

void report_summary(const Request& request, const core::Plan& plan) {
    const core::string summary = core::summary(plan, request.action);
    if (summary.empty())
        return;
    core::string hint;
    if (request.offers_inclusion && !pg::is_under_other_user()) // otherwise the reader cannot set the option
        hint = core::options_for_spared(plan, request.guards.include, compat::argument_sign);
    pg::call([&] {
        ereport(NOTICE,
                (errmsg_internal("%s", summary.c_str()), hint.empty() ? 0 : errhint("%s", hint.c_str())));
    });
}

bool is_remaining(const core::Target& target) noexcept {
    return (target.outcome == core::Outcome::still_running && !core::is_unfinished(target)) ||
           target.outcome == core::Outcome::not_permitted;
}

/// These do not process a cancel until their clients continue.
bool waits_for_client(const core::Target& target) noexcept {
    return pg::may_tell(target.session) && pg::client_wait_of(target.session) != pg::ClientWait::none;
}

/// Whether that cannot be seen.
bool may_wait_for_client(const core::Target& target) noexcept {
    return !compat::has_client_waits || !pg::may_tell(target.session);
}

constexpr char hint_for_slow[] =
    "Call again with a longer timeout (below statement_timeout), or call "
    "sessionctl.escalate_report, which takes further steps and shows what they do.";

core::string hint_after_cancel(const core::vector<const core::Target*>& remaining) {
    const auto stalled = std::count_if(remaining.begin(), remaining.end(),
                                       [](const core::Target* each) { return waits_for_client(*each); });
    char hint[256] = "";
    if (stalled > 0)
        std::snprintf(hint, sizeof hint,
                      "%ld of them %s in the middle of a statement, as in a COPY that has stalled. A cancel "
                      "does not end that wait: end the session with sessionctl.terminate_where.",
                      static_cast<long>(stalled),
                      stalled == 1 ? "waits for its client" : "wait for their clients");
    else if (std::any_of(remaining.begin(), remaining.end(),
                         [](const core::Target* each) { return may_wait_for_client(*each); }))
        std::snprintf(hint, sizeof hint,
                      " A cancel does not end a session's wait for its client in the middle of a statement, "
                      "as in a COPY that has stalled: sessionctl.terminate_where does.");
    return stalled > 0 ? core::string(hint) : core::string(hint_for_slow).append(hint);
}

core::string hint_for_remaining(const Request& request, const core::vector<const core::Target*>& remaining) {
    if (request.action == core::Action::cancel)
        return hint_after_cancel(remaining);
    if (request.action != core::Action::escalate)
        return hint_for_slow;
    if (request.closes_sockets)
        return "The column activity shows what they do, root_command a command to try in a root shell.";
    return core::string("The column activity shows what they do. With close_socket ")
        .append(compat::argument_sign)
        .append(" true a superuser closes the connections of their clients.");
}

void warn_of_remaining(const Request& request, const core::Plan& plan) {
    core::vector<const core::Target*> remaining;
    for (const core::Target& target : plan)
        if (is_remaining(target))
            remaining.push_back(&target);
    if (remaining.empty())
        return;
    core::Timestamp waited = 0;
    for (const core::Target* const target : remaining)
        waited = std::max(waited, target->elapsed);
    const core::string hint = hint_for_remaining(request, remaining);
    const auto number = static_cast<unsigned long>(remaining.size());
    pg::call([&] {
        ereport(WARNING, (errmsg_plural("%lu session is still running after %.1f s",
                                        "%lu sessions are still running after %.1f s", number, number,
                                        static_cast<double>(waited) / core::microseconds_per_second),
                          errdetail("The signal remains in effect: a session in a system call, or in code "
                                    "that does not check for interrupts, handles it afterwards."),
                          errhint("%s", hint.c_str())));
    });
}

/// A role that may signal sessions but not see their state matches none by it. That must not look as if there
/// were none.
void report_hidden_states(const pg::Roster& roster) {
    const auto hidden = static_cast<unsigned long>(
        std::count_if(roster.entries.begin(), roster.entries.end(), [](const auto& entry) {
            const core::Kind kind = entry.facts.kind; // the kinds among clients are hidden, too
            return (kind == core::Kind::client || kind == core::Kind::parallel_worker) &&
                   !entry.facts.is_visible;
        }));
    if (hidden == 0)
        return;
    pg::call([hidden] {
        ereport(NOTICE, (errmsg_plural("the state of %lu session is hidden from you, so it did not match",
                                       "the state of %lu sessions is hidden from you, so they did not match",
                                       hidden, hidden),
                         errhint("%s", hint_for_hidden)));
    });
}

/// A caller who keeps the oldest or newest sessions must know that the age of some is hidden.
void report_hidden_times(const core::Guards& guards, const core::Plan& plan) {
    const auto hidden =
        static_cast<unsigned long>(std::count_if(plan.begin(), plan.end(), [&](const core::Target& target) {
            return !target.session.is_visible &&
                   core::protection_of(target.session, guards.include) == core::Protection::none;
        }));
    if (guards.keep == 0 || hidden == 0)
        return;
    pg::call([hidden] {
        ereport(NOTICE, (errmsg_plural("the times of %lu session are hidden from you: it is kept last",
                                       "the times of %lu sessions are hidden from you: they are kept last, "
                                       "as if all of them were equally old",
                                       hidden, hidden),
                         errhint("%s", hint_for_hidden)));
    });
}

/// The setting does not apply to a preview, but the call that it prepares would be refused.
void report_refusal_ahead(const core::Plan& plan) {
    const int bound = pg::refuse_above_setting();
    if (bound == 0 || core::count_of(plan, core::Outcome::chosen) <= bound)
        return;
    pg::call([bound] {
        ereport(
            NOTICE,
            (errmsg("terminate_where would refuse this: more sessions than pg_sessionctl.refuse_above (%d) "
                    "allows",
                    bound)));
    });
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
    warn_of_unfinished(result.plan);
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

void report_below(std::size_t number, const char* one, const char* many, const char* hint) {
    if (number == 0)
        return;
    pg::call([=] {
        ereport(NOTICE,
                (errmsg_plural(one, many, number, static_cast<unsigned long>(number)), errhint("%s", hint)));
    });
}

void warn_of_pending_logins(int number) {
    if (number == 0)
        return;
    pg::call([number] {
        ereport(WARNING, (errmsg_plural("%d login may still be in progress",
                                        "%d logins may still be in progress", number, number),
                          errhint("Call again with a longer timeout.")));
    });
}

} // namespace sessionctl::api
