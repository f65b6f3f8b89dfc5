#include "core/rules/check_times.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr Timestamp grain = 100 * microseconds_per_millisecond;
constexpr Timestamp first_pause = microseconds_per_second;
constexpr Timestamp longest_pause = 60 * microseconds_per_second;

Timestamp multiple_from(Timestamp time, Timestamp of) noexcept {
    return (time + of - 1) / of * of;
}

} // namespace

void CheckTimes::checked(Timestamp now, Timestamp check_every) noexcept {
    next_ = multiple_from(multiple_from(now + 1, check_every), grain);
    pause_ = 0;
}

bool CheckTimes::failed(Timestamp now) noexcept {
    const bool is_first = pause_ == 0;
    pause_ = is_first ? first_pause : std::min(2 * pause_, longest_pause);
    next_ = now + pause_;
    return is_first;
}

void CheckTimes::changed() noexcept {
    *this = {};
}

} // namespace sessionctl::core
