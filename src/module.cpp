// What the server sees of pg_sessionctl when it loads the library.

#include "pg/error.hpp"
#include "pg/settings.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
    sessionctl::pg::define_settings();
}
