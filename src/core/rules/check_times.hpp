// When rules are checked, and how a failing one backs off.
#pragma once

#include "core/sessions/session.hpp"

namespace sessionctl::core {

/// The first check is due at once. Later ones are due at multiples of check_every on the monotonic clock,
/// rounded up to the next tenth of a second, so that rules share their looks at the server.
class CheckTimes {
  public:
    bool is_due(Timestamp now) const noexcept { return now >= next_; }
    Timestamp next() const noexcept { return next_; }

    void checked(Timestamp now, Timestamp check_every) noexcept;
    /// The next check is a second later, then two, at most a minute. Returns true at the first failure in a
    /// row, which is worth a line in the log.
    bool failed(Timestamp now) noexcept;
    /// The rule was changed: it is due at once.
    void changed() noexcept;

  private:
    Timestamp next_ = INT64_MIN;
    Timestamp pause_ = 0; // since the last failure; 0: the last check succeeded
};

} // namespace sessionctl::core
