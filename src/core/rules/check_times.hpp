// When rules are checked, and how a failing one backs off.
#pragma once

#include "core/memory.hpp"
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
    /// row, which is worth a line in the log, once a minute.
    bool failed(Timestamp now) noexcept;
    /// It is due at once.
    void hasten() noexcept { next_ = INT64_MIN; }
    /// The rule was changed: it is due at once.
    void changed() noexcept;

  private:
    Timestamp next_ = INT64_MIN;
    Timestamp pause_ = 0; // since the last failure; 0: the last check succeeded
    Timestamp told_at_ = INT64_MIN;
};

/// The places of those that are due, those first that have been due for longest: a look at the server that is
/// cut short is not at the cost of the same rules each time. Null: a rule that is not checked.
vector<std::size_t> due_checks(const vector<const CheckTimes*>& rules, Timestamp now);

} // namespace sessionctl::core
