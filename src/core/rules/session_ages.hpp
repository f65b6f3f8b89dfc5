// Ages through jumps of the wall clock: a session's stamps are corrected, so that the time since then is what
// the monotonic clock says.
#pragma once

#include "core/clock.hpp"
#include "core/memory.hpp"
#include "core/sessions/session.hpp"

namespace sessionctl::core {

/// Keeps the stamps of each slot of the session table as they were last seen. Of the time before the first
/// tick nothing is known: it is assumed that the wall clock has not jumped since the stamps that are found
/// then. One that lies in the future disproves that: the clock was set back after it was made. It is taken as
/// made at that tick, so that nobody is older than he is.
class SessionAges {
  public:
    explicit SessionAges(int slots) : histories_(static_cast<std::size_t>(slots)) {}

    /// Before each look at all sessions: both clocks, read at the same moment.
    void tick(Timestamp monotonic, Timestamp wall) noexcept;
    /// A session's stamps, as the wall clock of now would have made them. Call it for every session at every
    /// look. As long as the clock has never jumped by half a second or more nothing is corrected.
    Stamps corrected(const Session& session);
    /// Has the wall clock kept pace since the tick? If not, ages in conditions may have been wrong: nobody is
    /// acted on in this tick.
    bool is_steady(Timestamp monotonic, Timestamp wall) const noexcept;

  private:
    struct Stamp {
        Timestamp wall;
        Timestamp monotonic;
    };
    struct History {
        Stamp start, state_change, query_start, xact_start;
    };

    Timestamp correct(Stamp& stamp, Timestamp wall) noexcept;
    bool has_jumped_since(Timestamp wall) const noexcept;

    Clock clock_;
    Timestamp offset_ = 0; // of the wall clock, at the last tick
    std::int64_t ticks_ = 0;
    bool has_jumped_ = false;
    vector<History> histories_;
};

} // namespace sessionctl::core
