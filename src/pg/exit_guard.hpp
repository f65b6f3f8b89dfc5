// FATAL and SIGTERM end a process without running destructors. This is for cleanup that is needed even then.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// While it lives, `undo(argument)` runs if the process exits; otherwise never. It must not raise an ERROR.
class ExitGuard {
  public:
    using Undo = void (*)(void* argument) noexcept;

    ExitGuard(Undo undo, void* argument);
    ~ExitGuard();
    ExitGuard(const ExitGuard&) = delete;
    ExitGuard& operator=(const ExitGuard&) = delete;

    /// Runs all living guards, innermost first: called by before_shmem_exit.
    static void run_all() noexcept;

  private:
    Undo undo_;
    void* argument_;
    ExitGuard* outer_;
};

} // namespace sessionctl::pg
