// Holds off interrupts.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// While it lives no cancel and no termination is served. An error inside leaves the count unchanged (see
/// detail::Guard).
class InterruptsHeld {
  public:
    InterruptsHeld() noexcept { HOLD_INTERRUPTS(); }
    ~InterruptsHeld() { RESUME_INTERRUPTS(); }
    InterruptsHeld(const InterruptsHeld&) = delete;
    InterruptsHeld& operator=(const InterruptsHeld&) = delete;
};

} // namespace sessionctl::pg
