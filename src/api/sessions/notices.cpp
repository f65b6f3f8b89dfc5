#include "api/sessions/notices.hpp"

#include "core/keep_out/cooldown.hpp"
#include "core/sessions/drain.hpp"
#include "core/sessions/plan_text.hpp"
#include "core/sessions/protection.hpp"
#include "pg/condition/scope.hpp"
#include "pg/error.hpp"
#include "pg/sessions/disclosure.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"

namespace sessionctl::api {

namespace {

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

} // namespace

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
