// Two clocks. The session table (state_change, xact_start) has wall-clock time, which people and NTP set; a
// limit is a length of time, which only the monotonic clock measures.
#pragma once

#include "core/sessions/session.hpp"

#include <cstdint>

namespace sessionctl::core {

/// Translates wall-clock stamps to the monotonic clock, through jumps of the wall clock.
class Clock {
  public:
    /// Both clocks, read at the same moment.
    void tick(Timestamp monotonic, Timestamp wall) noexcept;

    /// Monotonic, at the last tick.
    Timestamp now() const noexcept { return now_; }

    /// When, on the monotonic clock, a stamp was made that was not there at the previous tick. If the wall
    /// clock jumped between the two ticks, the stamp may be from before or after the jump: the result is the
    /// later of the two readings that is not in the future, so that nothing seems to last longer than it
    /// does. Where both are older than the previous tick (two jumps between ticks), it is now.
    Timestamp at(Timestamp wall) const noexcept;

  private:
    Timestamp now_ = 0;
    Timestamp earliest_ = INT64_MIN; // what is new is no older than the tick before
    Timestamp offset_ = 0;           // of the wall clock, at the last tick
    Timestamp earlier_offset_ = 0;   // and at the tick before
    bool is_running_ = false;
};

} // namespace sessionctl::core
