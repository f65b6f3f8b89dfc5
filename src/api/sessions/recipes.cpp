// The recipes: fixed conditions with typed values, each run as terminate_where runs its own.

#include "api/serve.hpp"
#include "api/sessions/notices.hpp"
#include "api/sessions/options.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/disclosure.hpp"

extern "C" {
#include "catalog/pg_database.h"
#include "catalog/pg_type.h"
#include "commands/dbcommands.h"
#include "utils/acl.h"
}

using namespace sessionctl;
using api::Arguments;
using api::Request;

namespace {

/// What all recipes share after their own argument (W, G).
Request read_request(Arguments& arguments) {
    Request request;
    request.action = core::Action::terminate; // refuse_above depends on it
    api::read_wait(arguments, request);
    api::read_guards(arguments, request);
    return request;
}

Datum terminate(Arguments& arguments, const char* condition, api::Value value) {
    Request request = read_request(arguments);
    const pg::ScratchMemory scratch;
    return Int64GetDatum(api::terminate(request, condition, value));
}

/// For the case that none was idle for so long. Hidden sessions are reported elsewhere.
void report_younger(const pg::Roster& roster) {
    const auto number = std::count_if(roster.entries.begin(), roster.entries.end(), [](const auto& entry) {
        return core::is_idle_in_transaction(entry.facts.state) && !entry.facts.is_self &&
               pg::may_tell(entry.facts);
    });
    api::report_below(static_cast<std::size_t>(number),
                      "%lu session is idle in a transaction, but not for longer than older_than",
                      "%lu sessions are idle in a transaction, but not for longer than older_than",
                      "A smaller older_than includes more of them.");
}

api::Value text_value(const char* text) {
    return {TEXTOID, pg::call([text] { return CStringGetTextDatum(text); })};
}

} // namespace

SQL_FUNCTION(sessionctl_terminate_role_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const char* const role = arguments.text("role");
        const Oid oid = pg::call([role] { return get_role_oid(role, false); }); // 42704
        return terminate(arguments, "usesysid = $1", api::oid_value(oid));
    });
}

SQL_FUNCTION(sessionctl_terminate_database_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const char* const database = arguments.text("database");
        const Oid oid = pg::call([database] { return get_database_oid(database, false); }); // 3D000
        return terminate(arguments, "datid = $1", api::oid_value(oid));
    });
}

SQL_FUNCTION(sessionctl_terminate_application_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const char* const application = arguments.text("application");
        return terminate(arguments, "application_name = $1", text_value(application));
    });
}

SQL_FUNCTION(sessionctl_terminate_idle_in_transaction)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const Datum older_than = arguments.age("older_than");
        Request request = read_request(arguments);
        request.recheck = core::Recheck::idleness;
        const pg::ScratchMemory scratch;
        const api::Result result =
            api::run_for(request, "idle_in_transaction_for > $1", {INTERVALOID, older_than});
        if (result.plan.empty())
            report_younger(result.roster);
        return Int64GetDatum(core::counted(result.plan, request.action));
    });
}

SQL_FUNCTION(sessionctl_terminate_nologin_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        return terminate(arguments, "can_login = $1", {BOOLOID, BoolGetDatum(false)});
    });
}
