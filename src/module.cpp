// What the server sees of pg_sessionctl when it loads the library.

#include "hooks/drain.hpp"
#include "hooks/farewell.hpp"
#include "hooks/gate.hpp"
#include "hooks/nologin.hpp"
#include "pg/error.hpp"
#include "pg/lockdown_memory.hpp"
#include "pg/session_limits.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "worker/reaper.hpp"

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

void _PG_init(void) {
    using namespace sessionctl;
    pg::define_settings();
    pg::define_limits();
    pg::define_lockdown_memory();
    compat::reserve_guc_prefix("pg_sessionctl");
    if (!process_shared_preload_libraries_in_progress)
        return;
    pg::request_shared_memory();
    hooks::install_farewell();
    hooks::install_gate();
    hooks::install_nologin();
    hooks::install_drain();
    worker::register_reaper();
}
