// terminate_session, cancel_session: one session, named by what the server log or another tool shows of it.

#include "api/serve.hpp"
#include "api/sessions/notices.hpp"
#include "api/sessions/options.hpp"
#include "core/error.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/disclosure.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;
using core::Action;

namespace {

/// A session_id as the server log shows it. Errors: 22023 if it is none.
core::Identity session_id(Arguments& arguments) {
    const char* const text = arguments.text("session_id");
    if (const std::optional<core::Identity> identity = core::parse_session_id(text))
        return *identity;
    throw core::Error(core::sqlstate::invalid_parameter_value, "invalid session_id \"%s\"",
                      pg::one_line(text).c_str())
        .hint("It is two hexadecimal numbers with a dot between, as %%c prints it in the server log and "
              "sessionctl.session_activity shows it. Write a process ID without quotes.");
}

/// It has ended, perhaps long ago, and another session may have its process ID now.
void report_no_session(core::Identity identity, const pg::Roster& roster) {
    const pg::RosterEntry* const other = roster.find(identity.pid);
    const core::SessionId id(identity);
    if (other != nullptr && !pg::may_tell(other->facts)) {
        pg::call([&] {
            ereport(NOTICE,
                    (errmsg("you may not see whether process %d is session %s", identity.pid, id.text),
                     errhint("%s You can also use its process ID alone.", api::hint_for_hidden)));
        });
        return;
    }
    const core::SessionId other_id(other != nullptr ? other->facts.id : identity);
    pg::call([&] {
        ereport(
            NOTICE,
            (errmsg("there is no session %s", id.text),
             other != nullptr ? errdetail("Process %d is now session %s.", identity.pid, other_id.text) : 0));
    });
}

/// A process ID from a list of busy processes may be that of a parallel worker.
void report_leader(const core::Target& target, const pg::RosterEntry& entry) {
    if (target.outcome != core::Outcome::spared || target.session.kind != core::Kind::parallel_worker ||
        !pg::may_tell(target.session) || entry.proc.leader_pid == 0)
        return;
    pg::call([&] {
        ereport(NOTICE,
                (errmsg("process %d works for session %d", target.session.id.pid, entry.proc.leader_pid),
                 errhint("Use the process ID of that session.")));
    });
}

/// Reads what follows the name (W, include_...) and acts on it: `report_none` reports to the caller that it
/// is not on the roster.
template <typename TellNone>
Datum act_on(const char* condition, api::Value value, Action action, Arguments& arguments,
             TellNone&& report_none) {
    char is_null = ' ';
    Request request;
    request.action = action;
    request.recheck = action == Action::cancel ? core::Recheck::statement : core::Recheck::identity;
    request.condition = {condition, 1, &value.type, &value.datum, &is_null, nullptr};
    api::read_wait(arguments, request);
    api::read_inclusion(arguments, request);
    const pg::ScratchMemory scratch;
    const api::Result result = api::run(request);
    if (result.plan.empty())
        report_none(result.roster);
    for (const core::Target& target : result.plan)
        report_leader(target, result.roster.at(target.session.id.pid));
    return Int64GetDatum(core::counted(result.plan, action));
}

Datum act_on_session_id(FunctionCallInfo fcinfo, Action action) {
    Arguments arguments(fcinfo);
    const core::Identity identity = session_id(arguments);
    const core::SessionId id(identity);
    const Datum text = pg::call([&id] { return CStringGetTextDatum(id.text); });
    return act_on("session_id = $1", {TEXTOID, text}, action, arguments,
                  [identity](const pg::Roster& roster) { report_no_session(identity, roster); });
}

Datum act_on_pid(FunctionCallInfo fcinfo, Action action) {
    Arguments arguments(fcinfo);
    const int pid = arguments.integer("pid");
    return act_on("pid = $1", {INT4OID, Int32GetDatum(pid)}, action, arguments, [pid](const pg::Roster&) {
        pg::call([pid] { ereport(NOTICE, (errmsg("there is no session with process ID %d", pid))); });
    });
}

} // namespace

SQL_FUNCTION(sessionctl_terminate_session)
{
    return api::serve([&] { return act_on_session_id(fcinfo, Action::terminate); });
}

SQL_FUNCTION(sessionctl_terminate_session_by_pid)
{
    return api::serve([&] { return act_on_pid(fcinfo, Action::terminate); });
}

SQL_FUNCTION(sessionctl_cancel_session)
{
    return api::serve([&] { return act_on_session_id(fcinfo, Action::cancel); });
}

SQL_FUNCTION(sessionctl_cancel_session_by_pid)
{
    return api::serve([&] { return act_on_pid(fcinfo, Action::cancel); });
}
