// What loading the library registers with the server.

#include "hooks/client_message.hpp"
#include "hooks/commits.hpp"
#include "hooks/drain.hpp"
#include "hooks/gate.hpp"
#include "hooks/login_revoked.hpp"
#include "hooks/rules.hpp"
#include "pg/error.hpp"
#include "pg/keep_out/stored_lockdown.hpp"
#include "pg/locks/lock_settings.hpp"
#include "pg/reaper/limit_parameters.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "worker/reaper/reaper.hpp"

#include <iterator>

extern "C" {
PG_MODULE_MAGIC;
PGDLLEXPORT void _PG_init(void);
}

namespace {

using Definition = void (*)();

/// An error here would end the load, and the next call would load the library again: but no parameter can be
/// defined twice.
void define_parameters() {
    using namespace sessionctl;
    static constexpr Definition definitions[] = {pg::define_settings, pg::define_limits,
                                                 pg::define_lock_settings, pg::define_lockdown_parameter};
    static std::size_t defined = 0;
    for (; defined < std::size(definitions); ++defined)
        definitions[defined]();
}

} // namespace

void _PG_init(void) {
    using namespace sessionctl;
    // A WARNING about an unknown parameter would serve a cancel, half way through.
    HOLD_INTERRUPTS();
    define_parameters();
    compat::reserve_guc_prefix("pg_sessionctl");
    RESUME_INTERRUPTS();
    if (!process_shared_preload_libraries_in_progress)
        return;
    pg::request_shared_memory();
    hooks::install_client_message();
    hooks::install_gate();
    hooks::install_login_revoked();
    hooks::install_commits();
    hooks::install_rules();
    hooks::install_drain();
    worker::register_reaper();
}
