// pause_pool, resume_pool.

#include "pg/keep_out/pgbouncer.hpp"
#include "api/arguments.hpp"
#include "api/serve.hpp"
#include "pg/memory.hpp"

using namespace sessionctl;

namespace {

Datum run(bool (*function)(const char* server, const char* database), FunctionCallInfo fcinfo) {
    const pg::ScratchMemory scratch;
    api::Arguments arguments(fcinfo);
    const char* const server = arguments.text("server");
    const char* const database =
        arguments.text("database", "PgBouncer would apply the command to all databases.");
    return BoolGetDatum(function(server, database));
}

} // namespace

SQL_FUNCTION(sessionctl_pause_pool)
{
    return api::serve([&] { return run(pg::pause_pool, fcinfo); });
}

SQL_FUNCTION(sessionctl_resume_pool)
{
    return api::serve([&] { return run(pg::resume_pool, fcinfo); });
}
