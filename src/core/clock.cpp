#include "core/clock.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// A clock that is slewed (by at most 500 ppm) drifts, one that is set jumps.
constexpr Timestamp least_jump = 20 * microseconds_per_millisecond;
constexpr Timestamp drift_divisor = 1000;

bool is_jump(Timestamp change, Timestamp elapsed) noexcept {
    return std::max(change, -change) > least_jump + elapsed / drift_divisor;
}

} // namespace

void Clock::tick(Timestamp monotonic, Timestamp wall) noexcept {
    const Timestamp offset = wall - monotonic;
    earlier_offset_ = is_running_ && is_jump(offset - offset_, monotonic - now_) ? offset_ : offset;
    offset_ = offset;
    now_ = monotonic;
    is_running_ = true;
}

Timestamp Clock::at(Timestamp wall) const noexcept {
    const Timestamp readings[] = {wall - offset_, wall - earlier_offset_};
    Timestamp latest = std::min(readings[0], readings[1]);
    for (const Timestamp reading : readings)
        if (reading <= now_)
            latest = std::max(latest, reading);
    return std::min(latest, now_);
}

} // namespace sessionctl::core
