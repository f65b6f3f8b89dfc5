#include "pg/exit_guard.hpp"

#include "pg/error.hpp"

extern "C" {
#include "storage/ipc.h"
}

namespace sessionctl::pg {

namespace {

ExitGuard* innermost = nullptr;
bool registered = false;

extern "C" void sessionctl_before_exit(int, Datum) {
    ExitGuard::run_all();
}

} // namespace

ExitGuard::ExitGuard(Undo undo, void* argument) : undo_(undo), argument_(argument), outer_(innermost) {
    // Registered once and for good: taking a callback back fails when somebody else registered one meanwhile.
    if (!registered)
        call([] { before_shmem_exit(sessionctl_before_exit, 0); });
    registered = true;
    innermost = this;
}

ExitGuard::~ExitGuard() {
    innermost = outer_;
}

void ExitGuard::run_all() noexcept {
    while (ExitGuard* const guard = innermost) {
        innermost = guard->outer_;
        guard->undo_(guard->argument_);
    }
}

} // namespace sessionctl::pg
