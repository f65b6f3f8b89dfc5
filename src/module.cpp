// What the server sees of pg_sessionctl when it loads the library.

#include "hooks/client_message.hpp"
#include "hooks/drain.hpp"
#include "hooks/gate.hpp"
#include "hooks/nologin.hpp"
#include "pg/error.hpp"
#include "pg/keep_out/lockdown_memory.hpp"
#include "pg/reaper/session_limits.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "worker/reaper.hpp"

#include <iterator>

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace {

using Definition = void (*)();

/// An error in one ends the load, and the next call loads the library again: no parameter can be defined
/// twice.
void define_parameters() {
    using namespace sessionctl;
    static constexpr Definition definitions[] = {pg::define_settings, pg::define_limits,
                                                 pg::define_lockdown_memory};
    static std::size_t defined = 0;
    for (; defined < std::size(definitions); ++defined)
        definitions[defined]();
}

} // namespace

void _PG_init(void) {
    using namespace sessionctl;
    // A WARNING of a parameter that does not exist would act on a cancel, half way.
    HOLD_INTERRUPTS();
    define_parameters();
    compat::reserve_guc_prefix("pg_sessionctl");
    RESUME_INTERRUPTS();
    if (!process_shared_preload_libraries_in_progress)
        return;
    pg::request_shared_memory();
    hooks::install_client_message();
    hooks::install_gate();
    hooks::install_nologin();
    hooks::install_drain();
    worker::register_reaper();
}
