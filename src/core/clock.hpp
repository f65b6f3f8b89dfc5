// Two clocks. What the session table says (state_change, xact_start) is wall-clock time, which people and NTP
// set; a limit is a length of time, which only the monotonic clock measures.
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

    /// When, on the monotonic clock, a stamp that was not there at the tick before was made. If the wall
    /// clock jumped between the two, nobody knows whether the stamp is from before or after: then the later
    /// of both that is not in the future, so that nothing seems to have lasted longer than it did. Where both
    /// are older than the tick before (two jumps that no tick saw), now.
    Timestamp at(Timestamp wall) const noexcept;

  private:
    Timestamp now_ = 0;
    Timestamp earliest_ = INT64_MIN; // what is new is no older than the tick before
    Timestamp offset_ = 0;           // of the wall clock, at the last tick
    Timestamp earlier_offset_ = 0;   // and at the tick before
    bool is_running_ = false;
};

} // namespace sessionctl::core
