#include "core/rules/session_ages.hpp"

#include <cstdlib>

namespace sessionctl::core {

namespace {

/// Two clocks can't be read at quite the same moment, and the wall clock is slewed.
constexpr Timestamp tolerance = microseconds_per_second / 2;

bool is_jump(Timestamp offset, Timestamp other) noexcept {
    return std::abs(offset - other) >= tolerance;
}

} // namespace

void SessionAges::tick(Timestamp monotonic, Timestamp wall) noexcept {
    clock_.tick(monotonic, wall);
    const Timestamp offset = wall - monotonic;
    has_jumped_ = has_jumped_ || (ticks_ > 0 && is_jump(offset, offset_));
    offset_ = offset;
    ++ticks_;
}

/// Later ticks see the jump itself, and a stamp may be made after the tick.
bool SessionAges::has_jumped_since(Timestamp wall) const noexcept {
    return ticks_ == 1 && wall - offset_ - clock_.now() >= tolerance;
}

Timestamp SessionAges::correct(Stamp& stamp, Timestamp wall) noexcept {
    if (wall == 0)
        return 0;
    if (stamp.wall != wall) {
        stamp = {wall, clock_.at(wall)};
        has_jumped_ = has_jumped_ || has_jumped_since(wall);
    }
    return has_jumped_ ? stamp.monotonic + offset_ : wall;
}

Stamps SessionAges::corrected(const Session& session) {
    History& history = histories_[static_cast<std::size_t>(session.slot)];
    return {correct(history.start, session.id.start), correct(history.state_change, session.state_change),
            correct(history.query_start, session.query_start),
            correct(history.xact_start, transaction_start(session))};
}

bool SessionAges::is_steady(Timestamp monotonic, Timestamp wall) const noexcept {
    return !is_jump(wall - monotonic, offset_);
}

} // namespace sessionctl::core
