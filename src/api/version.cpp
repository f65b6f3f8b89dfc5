// The library's own version, for the SQL script to compare itself with.

#include "pg/error.hpp"
#include "pg/extension.hpp"

using namespace sessionctl;

SQL_FUNCTION(sessionctl_library_version)
{
    return pg::entry([&] { return pg::call([] { return CStringGetTextDatum(pg::library_version()); }); });
}
