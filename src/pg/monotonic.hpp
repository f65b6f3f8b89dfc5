// Clocks that nobody sets.
#pragma once

#include "core/sessions/session.hpp"

#include <ctime>

namespace sessionctl::pg {

/// In microseconds.
inline core::Timestamp read_clock(clockid_t clock) noexcept {
    timespec time;
    clock_gettime(clock, &time);
    return time.tv_sec * core::microseconds_per_second + time.tv_nsec / 1000;
}

/// The same for all processes of this machine. It stops while the machine is suspended.
inline core::Timestamp monotonic_now() noexcept {
    return read_clock(CLOCK_MONOTONIC);
}

/// The time that this process has had on a processor.
inline core::Timestamp processor_time() noexcept {
    return read_clock(CLOCK_PROCESS_CPUTIME_ID);
}

} // namespace sessionctl::pg
