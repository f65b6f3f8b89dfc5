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
    vector<Claim> claims;       // all that are due, oldest match first; none if the brakes allow no action
    std::int64_t matched = 0;   // that it may act on
    std::int64_t held_back = 0; // due but for the brakes, and not counted before in this streak
    bool is_refused = false;    // more matched than refuse_above allows
};

/// Whose action in flight leaves a session to no action of a rule.
enum class Hold { none, own, others };

/// What was begun and is not proven yet, as it concerns one rule.
class ActionsInFlight {
  public:
    virtual Hold hold(const Session& session) const noexcept = 0;
    /// How many are that this rule began?
    virtual std::int64_t own() const noexcept = 0;

  protected:
    ~ActionsInFlight() = default;
};

/// `matches` are the sessions for which the condition is true (groups by `per` included); afterwards each is
/// chosen, spared or denied as a call would have it. Those that an action in flight holds are dropped from
/// `matches`. refuse_above counts the chosen, however long they have matched, those of them that others hold,
/// and the rule's own actions in flight; then those are due that have matched for long enough and were not
/// acted on. A rule that at_most leaves no room claims nobody, so that another may have its sessions.
RuleCheck check_rule(const SessionRule& rule, std::int32_t number, Plan& matches, MatchStreaks& streaks,
                     const ActionTimes& times, const ActionsInFlight& in_flight, Timestamp now);

/// The claims on one session: the strongest action first, then the first by name. The first one that can be
/// acted on gets the session.
using Contest = vector<Claim>;

/// In the order in which to act: the one whose first claim has the oldest match comes first.
vector<Contest> settle_claims(vector<Claim> claims);

/// On how many sessions at_most lets the rule act now. Ask before each claim: who can't be acted on leaves
/// the room to the next. Where there is none, the claim is held back.
std::size_t room_for_actions(const SessionRule& rule, const ActionTimes& times, Timestamp now) noexcept;

} // namespace sessionctl::core
