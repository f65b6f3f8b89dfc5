// One check of a rule: whom it wants to act on. Then which of several rules gets a session.
#pragma once

#include "core/rules/action_times.hpp"
#include "core/rules/match_streaks.hpp"
#include "core/sessions/plan.hpp"

namespace sessionctl::core {

/// A rule wants to act on a session.
struct Claim {
    std::int32_t rule; // the caller's number of it, in the order of their names
    RuleAction action;
    Session session;
    Timestamp since; // the match
};

/// What a check found.
struct RuleCheck {
    vector<Claim> claims;       // oldest match first
    std::int64_t matched = 0;   // that it may act on
    std::int64_t held_back = 0; // due but for the brakes, and not counted before in this streak
    bool is_refused = false;    // more matched than refuse_above allows
};

/// Is an action on this session in flight?
class ActionsInFlight {
  public:
    virtual bool has(const Session& session) const noexcept = 0;

  protected:
    ~ActionsInFlight() = default;
};

/// `matches` are the sessions for which the condition is true (groups by `per` included); afterwards each is
/// chosen, spared or denied as a call would have it. refuse_above counts the chosen, however long they have
/// matched; then those are due that have matched for long enough and were not acted on; then comes at_most,
/// oldest match first. Those with an action in flight are dropped from `matches`.
RuleCheck check_rule(const SessionRule& rule, std::int32_t number, Plan& matches, MatchStreaks& streaks,
                     const ActionTimes& times, const ActionsInFlight& in_flight, Timestamp now);

/// One claim for each session: the strongest action, then the first by name. In the order in which to act:
/// oldest match first.
vector<Claim> settle_claims(vector<Claim> claims);

} // namespace sessionctl::core
