// The monotonic clock.
#pragma once

#include "core/sessions/session.hpp"

#include <ctime>

namespace sessionctl::pg {

/// Microseconds; the same for all processes of this machine. It stops while the machine is suspended.
inline core::Timestamp monotonic_now() noexcept {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * core::microseconds_per_second + time.tv_nsec / 1000;
}

} // namespace sessionctl::pg
