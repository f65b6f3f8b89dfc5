// What a call reports to its caller beside its result: NOTICEs and WARNINGs about the sessions that matched.
#pragma once

#include "api/sessions/run.hpp"

namespace sessionctl::api {

/// What was matched but not counted, and the options that include more.
void report_summary(const Request& request, const core::Plan& plan);

/// WARNING: how many have not ended after the wait.
void warn_of_remaining(const Request& request, const core::Plan& plan);

/// A role that may signal sessions but not see their state matches none by it. That must not look as if there
/// were none.
void report_hidden_states(const pg::Roster& roster);

/// A caller who keeps the oldest or newest sessions must know that the age of some is hidden.
void report_hidden_times(const core::Guards& guards, const core::Plan& plan);

/// pg_sessionctl.refuse_above does not apply to a preview, but the call that it prepares would be refused.
void report_refusal_ahead(const core::Plan& plan);

/// WARNING, unless the number is 0: how many cooldowns were ended to make room for those of the call.
void warn_of_displaced(int number);

/// The HINT if a session's state and times are hidden from the caller.
constexpr char hint_for_hidden[] =
    "From PostgreSQL 10 on membership in pg_read_all_stats (or pg_monitor) shows it.";

/// NOTICE, unless the number is 0: how many sessions are below a threshold that none exceeds. The texts have
/// %lu for it.
void report_below(std::size_t number, const char* one, const char* many, const char* hint);

/// WARNING, unless the number is 0.
void warn_of_pending_logins(int number);

} // namespace sessionctl::api
