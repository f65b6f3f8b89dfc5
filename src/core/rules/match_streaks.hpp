// Since when sessions have matched a rule, at every check without a break.
#pragma once

#include "core/memory.hpp"
#include "core/rules/rule.hpp"
#include "core/sessions/session.hpp"

namespace sessionctl::core {

/// The streaks of one rule. Sessions are told apart by their identity; time is that of the monotonic clock.
/// Its memory lasts: call it where core's containers take theirs from a context that does.
class MatchStreaks {
  public:
    /// Begins a check. If the one before was more than two intervals ago, the time between counts as two: the
    /// sessions were not looked at meanwhile.
    void begin_check(Timestamp now, Timestamp check_every) noexcept;
    /// The session matches at this check. A streak begins with the first match, and with a change of what
    /// `streak` names.
    void match(const Session& session, Streak streak);
    /// An action on the session is in flight: it matches no rule, but what is known of it stays.
    void keep(const Session& session) noexcept;
    /// Ends the check: the streaks of all others are over.
    void end_check();

    /// What is known of a session's streak, between two checks.
    struct Known {
        Timestamp since;
        bool was_acted_on;  // it is not due again
        bool was_held_back; // and this has been counted
    };
    /// Null if the session does not match.
    Known* find(const Session& session) noexcept;
    /// The brakes hold back an action on it. True if they have not before in this streak.
    bool hold_back(const Session& session) noexcept;
    /// The action had its effect, and the session is still there: its next match begins a new streak.
    void forget(const Session& session) noexcept;
    /// What was done about them was no action: they are due again once they have matched for long enough.
    void forget_actions() noexcept;

    /// After a failed check, a change of the condition, or while the rule was off: nobody is known to match.
    void restart() noexcept {
        open_.clear();
        known_ = 0;
    }

  private:
    struct Open {
        Session session; // as it was when the streak began
        Known known;
        bool is_seen; // at the present check
    };

    Open* find(std::int32_t pid) noexcept;

    vector<Open> open_;     // by pid; during a check the new ones are at the end
    std::size_t known_ = 0; // of them at the begin of the check
    Timestamp checked_at_ = 0;
};

} // namespace sessionctl::core
