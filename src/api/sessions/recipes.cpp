// The recipes: fixed conditions with typed values, each run as terminate_where runs its own.

#include "api/serve.hpp"
#include "api/sessions/options.hpp"
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

Datum terminate(Arguments& arguments, const char* condition, api::Value value) {
    Request request = api::read_request(arguments, core::Action::terminate);
    const pg::ScratchMemory scratch;
    return Int64GetDatum(api::terminate(request, condition, value));
}

/// The argument names an object, whose OID the condition takes. `oid_of` raises an error if there is none.
Datum terminate_by_oid(FunctionCallInfo fcinfo, const char* argument, Oid (*oid_of)(const char*, bool),
                       const char* condition) {
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const char* const name = arguments.text(argument);
        const Oid oid = pg::call([=] { return oid_of(name, false); });
        return terminate(arguments, condition, api::oid_value(oid));
    });
}

api::Value text_value(const char* text) {
    return {TEXTOID, pg::call([text] { return CStringGetTextDatum(text); })};
}

} // namespace

SQL_FUNCTION(sessionctl_terminate_role_sessions)
{ return terminate_by_oid(fcinfo, "role", get_role_oid, "usesysid = $1"); } // 42704

SQL_FUNCTION(sessionctl_terminate_database_sessions)
{ return terminate_by_oid(fcinfo, "database", get_database_oid, "datid = $1"); } // 3D000

SQL_FUNCTION(sessionctl_terminate_application_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        const char* const application = arguments.text("application");
        return terminate(arguments, "application_name = $1", text_value(application));
    });
}

SQL_FUNCTION(sessionctl_terminate_nologin_sessions)
{
    return api::serve([&] {
        Arguments arguments(fcinfo);
        return terminate(arguments, "can_login = $1", {BOOLOID, BoolGetDatum(false)});
    });
}
