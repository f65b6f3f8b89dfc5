#include "core/rules/action_times.hpp"

#include <algorithm>
#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<ActionTimes>, "it lives in shared memory");

namespace {

constexpr std::int32_t places = ActionTimes::most + 1;

std::int32_t before(std::int32_t place) noexcept {
    return (place + places - 1) % places;
}

} // namespace

void ActionTimes::begin(Timestamp since) noexcept {
    known_since = since;
    next = 0;
    std::fill(std::begin(times), std::end(times), INT64_MIN);
}

std::int32_t ActionTimes::room(std::int32_t at_most, Timestamp within, Timestamp now) const noexcept {
    const Timestamp begin = now - within; // what is no later does not count
    if (known_since > begin)
        return 0;
    const auto number = static_cast<std::int32_t>(
        std::count_if(std::begin(times), std::end(times), [begin](Timestamp time) { return time > begin; }));
    return std::max(at_most - number, 0);
}

void ActionTimes::add(Timestamp now) noexcept {
    times[next] = now;
    next = (next + 1) % places;
}

void ActionTimes::take_back() noexcept {
    next = before(next);
    times[next] = INT64_MIN;
}

void ActionTimes::forget_after(Timestamp since) noexcept {
    std::replace_if(
        std::begin(times), std::end(times), [since](Timestamp time) { return time > since; }, INT64_MIN);
}

Timestamp ActionTimes::last() const noexcept {
    return times[before(next)];
}

} // namespace sessionctl::core
