// The recipes: fixed conditions with typed values, through the same engine as everything else.

#include "api/options.hpp"
#include "api/serve.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"

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

/// Reads what all recipes share after their own argument (W, G) and runs.
Datum terminate(Arguments& arguments, const char* condition, api::Value value,
                core::Recheck recheck = core::Recheck::identity) {
    Request request;
    request.action = core::Action::terminate; // what the guards' bound depends on
    request.recheck = recheck;
    api::read_wait(arguments, request);
    api::read_guards(arguments, request);
    const pg::ScratchMemory scratch;
    return Int64GetDatum(api::terminate(request, condition, value));
}

api::Value text_value(const char* text) {
    return {TEXTOID, pg::call([text] { return CStringGetTextDatum(text); })};
}

} // namespace

SQL_FUNCTION(sessionctl_terminate_user_sessions)
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
        return terminate(arguments, "idle_in_transaction_for > $1", {INTERVALOID, older_than},
                         core::Recheck::idleness);
    });
}

SQL_FUNCTION(sessionctl_terminate_nologin_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        return terminate(arguments, "can_login = $1", {BOOLOID, BoolGetDatum(false)});
    });
}
