#include "core/rules/rule_check.hpp"

#include <algorithm>
#include <limits>

namespace sessionctl::core {

namespace {

bool is_older_match(const Claim& a, const Claim& b) noexcept {
    if (a.since != b.since)
        return a.since < b.since;
    return a.session.id.start != b.session.id.start ? a.session.id.start < b.session.id.start
                                                    : a.session.id.pid < b.session.id.pid;
}

bool is_same_session(const Claim& a, const Claim& b) noexcept {
    return a.session.id == b.session.id;
}

/// Together those of one session, the one that gets it first.
bool comes_first(const Claim& a, const Claim& b) noexcept {
    if (a.session.id.pid != b.session.id.pid)
        return a.session.id.pid < b.session.id.pid;
    if (a.session.id.start != b.session.id.start)
        return a.session.id.start < b.session.id.start;
    return a.action != b.action ? a.action > b.action : a.rule < b.rule;
}

/// Drops those that are held; how many of them others hold that the rule may act on.
std::int64_t follow_matches(Plan& matches, MatchStreaks& streaks, const ActionsInFlight& in_flight,
                            const SessionRule& rule) {
    std::int64_t of_others = 0;
    const auto is_held = [&](const Target& target) {
        const Hold hold = in_flight.hold(target.session);
        if (hold == Hold::none) {
            streaks.match(target.session, rule.streak);
            return false;
        }
        streaks.keep(target.session);
        const Protection protection = protection_of(target.session, rule.guards.include);
        of_others += hold == Hold::others && outcome_of_protection(protection) == Outcome::chosen;
        return true;
    };
    matches.erase(std::remove_if(matches.begin(), matches.end(), is_held), matches.end());
    streaks.end_check();
    return of_others;
}

vector<Claim> due_claims(const SessionRule& rule, std::int32_t number, const Plan& matches,
                         MatchStreaks& streaks, Timestamp now) {
    vector<Claim> claims;
    for (const Target& target : matches) {
        if (target.outcome != Outcome::chosen)
            continue;
        const MatchStreaks::Known* const known = streaks.find(target.session);
        if (known != nullptr && !known->was_acted_on && now - known->since >= rule.matching_for)
            claims.push_back({number, rule.action, target.session, known->since});
    }
    std::sort(claims.begin(), claims.end(), is_older_match);
    return claims;
}

/// How many of them were not held back before.
std::int64_t hold_back(const vector<Claim>& claims, MatchStreaks& streaks) noexcept {
    return std::count_if(claims.begin(), claims.end(),
                         [&streaks](const Claim& claim) { return streaks.hold_back(claim.session); });
}

} // namespace

RuleCheck check_rule(const SessionRule& rule, std::int32_t number, Plan& matches, MatchStreaks& streaks,
                     const ActionTimes& times, const ActionsInFlight& in_flight, Timestamp now) {
    streaks.begin_check(now, rule.check_every);
    const std::int64_t of_others = follow_matches(matches, streaks, in_flight, rule);
    choose(matches, rule.guards);
    RuleCheck check;
    check.matched = count_of(matches, Outcome::chosen);
    check.is_refused =
        rule.guards.refuse_above && check.matched + of_others + in_flight.own() > *rule.guards.refuse_above;
    check.claims = due_claims(rule, number, matches, streaks, now);
    if (check.is_refused || room_for_actions(rule, times, now) == 0) {
        check.held_back = hold_back(check.claims, streaks);
        check.claims.clear();
    }
    return check;
}

vector<Contest> settle_claims(vector<Claim> claims) {
    std::sort(claims.begin(), claims.end(), comes_first);
    vector<Contest> contests;
    for (const Claim& claim : claims) {
        if (contests.empty() || !is_same_session(contests.back().front(), claim))
            contests.emplace_back();
        contests.back().push_back(claim);
    }
    std::sort(contests.begin(), contests.end(),
              [](const Contest& a, const Contest& b) { return is_older_match(a.front(), b.front()); });
    return contests;
}

std::size_t room_for_actions(const SessionRule& rule, const ActionTimes& times, Timestamp now) noexcept {
    if (!rule.at_most)
        return std::numeric_limits<std::size_t>::max();
    return static_cast<std::size_t>(times.room(*rule.at_most, rule.at_most_within, now));
}

} // namespace sessionctl::core
