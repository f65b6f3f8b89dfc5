// The reaper's part in the session rules: it starts their worker where there are rules, and ends it where the
// check of a rule does not end.
#pragma once

#include "core/rules/check_times.hpp"

#include <cstdint>

namespace sessionctl::worker {

class RulesStarter {
  public:
    /// Returns when to look again, on the monotonic clock, unless the reaper is woken before.
    core::Timestamp look();
    /// The settings may have changed.
    void reconsider() noexcept;

  private:
    core::Timestamp watch(core::Timestamp now);
    core::Timestamp await_end(core::Timestamp now);
    /// A command needs the database without sessions.
    core::Timestamp tell_if_kept_away_for_long(core::Timestamp now);
    core::Timestamp start(core::Timestamp now);
    bool is_wanted(core::Timestamp now) const noexcept;

    core::CheckTimes starts_;
    core::Timestamp standby_look_ = 0;    // the first look is always due
    core::Timestamp kept_away_since_ = 0; // 0: it is not
    bool is_told_ = false;
    std::int64_t left_in_order_at_ = -1; // SharedRules::nothing_to_do_at at the last start
};

} // namespace sessionctl::worker
