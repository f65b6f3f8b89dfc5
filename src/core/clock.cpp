#include "core/clock.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// A stamp may be made a moment before the tick and be read only at the next.
constexpr Timestamp longest_delay = microseconds_per_second;

} // namespace

void Clock::tick(Timestamp monotonic, Timestamp wall) noexcept {
    const Timestamp offset = wall - monotonic;
    earlier_offset_ = is_running_ ? offset_ : offset;
    offset_ = offset;
    if (is_running_)
        earliest_ = now_ - longest_delay;
    now_ = monotonic;
    is_running_ = true;
}

Timestamp Clock::at(Timestamp wall) const noexcept {
    Timestamp latest = INT64_MIN;
    for (const Timestamp reading : {wall - offset_, wall - earlier_offset_})
        if (reading <= now_)
            latest = std::max(latest, reading);
    return latest >= earliest_ && latest != INT64_MIN ? latest : now_;
}

} // namespace sessionctl::core
