#include "pg/exit_guard.hpp"

#include "pg/error.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace sessionctl::pg {

namespace {

ExitGuard* innermost_guard = nullptr;
bool registered = false;

extern "C" void sessionctl_before_exit(int, Datum) {
    ExitGuard::run_all();
}

} // namespace

ExitGuard::ExitGuard(Undo undo, void* argument) : undo_(undo), argument_(argument), outer_(innermost_guard) {
    // Registered once: a callback can't be removed if another module has registered one since.
    if (!registered)
        call([] { before_shmem_exit(sessionctl_before_exit, 0); });
    registered = true;
    innermost_guard = this;
}

ExitGuard::~ExitGuard() {
    innermost_guard = outer_;
}

void ExitGuard::run_all() noexcept {
    while (ExitGuard* const guard = innermost_guard) {
        innermost_guard = guard->outer_;
        guard->undo_(guard->argument_);
    }
}

} // namespace sessionctl::pg
