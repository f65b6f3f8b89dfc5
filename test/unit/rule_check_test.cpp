// One check of a rule, and which of several rules gets a session.
#include "core/rules/rule_check.hpp"
#include "support.hpp"

#include <set>
#include <vector>

namespace sessionctl::test {

using core::Claim;
using core::RuleAction;
using core::Session;
using core::Timestamp;

namespace {

class Flights final : public core::ActionsInFlight {
  public:
    std::set<std::int32_t> pids;
    core::Hold whose = core::Hold::own;
    core::Hold hold(const Session& session) const noexcept override {
        return pids.count(session.id.pid) > 0 ? whose : core::Hold::none;
    }
    std::int64_t own() const noexcept override {
        return whose == core::Hold::own ? static_cast<std::int64_t>(pids.size()) : 0;
    }
};

using PidList = std::vector<std::int32_t>;

PidList pids_of(const core::vector<Claim>& claims) {
    PidList pids;
    for (const Claim& claim : claims)
        pids.push_back(claim.session.id.pid);
    return pids;
}

class RuleCheck : public testing::Test {
  protected:
    RuleCheck() {
        rule.name = "reports";
        rule.action = RuleAction::terminate;
        times.begin(INT64_MIN);
    }

    /// Checks, and returns whom it wants to act on.
    PidList check(std::initializer_list<Session> sessions) {
        plan.clear();
        for (const Session& session : sessions) {
            core::Target target = {};
            target.session = session;
            plan.push_back(target);
        }
        last = core::check_rule(rule, 7, plan, streaks, times, flights, now);
        return pids_of(last.claims);
    }
    PidList check_after(Timestamp time, std::initializer_list<Session> sessions) {
        now += time;
        return check(sessions);
    }
    void act_on(const Session& session) { streaks.find(session)->was_acted_on = true; }

    /// Acts on whom the last check claims, as far as there is room, and returns whom. An action on one of
    /// these fails.
    PidList act(const std::set<std::int32_t>& fails = {}) {
        PidList acted_on;
        for (const core::Contest& contest : core::settle_claims(last.claims)) {
            const Claim& claim = contest.front();
            if (core::room_for_actions(rule, times, now) == 0) {
                held_back += streaks.hold_back(claim.session);
                continue;
            }
            times.add(now);
            if (fails.count(claim.session.id.pid) > 0) {
                times.take_back();
                continue;
            }
            act_on(claim.session);
            acted_on.push_back(claim.session.id.pid);
        }
        return acted_on;
    }

    core::SessionRule rule;
    core::MatchStreaks streaks;
    core::ActionTimes times;
    Flights flights;
    core::Plan plan;
    core::RuleCheck last;
    std::int64_t held_back = 0; // by act()
    Timestamp now = seconds(5000);
};

} // namespace

TEST_F(RuleCheck, WantsThoseThatMatch) {
    EXPECT_EQ(check({client(1), client(2)}), (PidList{1, 2}));
    EXPECT_EQ(last.matched, 2);
    EXPECT_EQ(last.held_back, 0);
    EXPECT_FALSE(last.is_refused);
    const Claim& claim = last.claims[0];
    EXPECT_EQ(claim.rule, 7);
    EXPECT_EQ(claim.action, RuleAction::terminate);
    EXPECT_EQ(claim.since, now);
}

TEST_F(RuleCheck, WantsThemOnlyWhenTheyHaveMatchedForLongEnough) {
    rule.matching_for = seconds(2);
    EXPECT_EQ(check({client(1)}), PidList{});
    EXPECT_EQ(last.matched, 1);
    EXPECT_EQ(check_after(seconds(2) - 1, {client(1)}), PidList{});
    EXPECT_EQ(check_after(1, {client(1)}), PidList{1});
}

TEST_F(RuleCheck, OneCheckWithoutAMatchStartsItAnew) {
    rule.matching_for = seconds(2);
    check({client(1)});
    check_after(seconds(1), {});
    EXPECT_EQ(check_after(seconds(1), {client(1)}), PidList{});
    EXPECT_EQ(check_after(seconds(2), {client(1)}), PidList{1});
}

TEST_F(RuleCheck, ActsOnceForAMatchAndIsArmedAgainByANonMatch) {
    EXPECT_EQ(check({client(1)}), PidList{1});
    act_on(client(1));
    EXPECT_EQ(check_after(seconds(1), {client(1)}), PidList{});
    EXPECT_EQ(last.matched, 1);
    check_after(seconds(1), {});
    EXPECT_EQ(check_after(seconds(1), {client(1)}), PidList{1});
}

TEST_F(RuleCheck, IsArmedAgainByWhatTheStreakNames) {
    Session other = client(1);
    other.query_start += 1;
    check({client(1)});
    act_on(client(1));
    EXPECT_EQ(check_after(seconds(1), {other}), PidList{1});
    rule.streak = core::Streak::session;
    act_on(other);
    EXPECT_EQ(check_after(seconds(1), {client(1)}), PidList{});
}

TEST_F(RuleCheck, RefusesWhenMoreMatchThanAllowedHoweverLongTheyHave) {
    rule.matching_for = seconds(1);
    rule.guards.refuse_above = 2;
    check({client(1)});
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2), client(3)}), PidList{});
    EXPECT_TRUE(last.is_refused);
    EXPECT_EQ(last.matched, 3);
    EXPECT_EQ(last.held_back, 1) << "the others are not due";
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2)}), (PidList{1, 2}));
    EXPECT_FALSE(last.is_refused);
}

TEST_F(RuleCheck, RefusesOnAccountOfThoseItMayActOn) {
    rule.guards.refuse_above = 1;
    Session superuser = client(2);
    superuser.is_superuser = true;
    EXPECT_EQ(check({client(1), superuser}), PidList{1});
    EXPECT_EQ(last.matched, 1);
}

TEST_F(RuleCheck, SparesWhomACallWouldSpare) {
    Session superuser = client(1);
    superuser.is_superuser = true;
    Session self = client(2);
    self.is_self = true;
    Session foreign = client(3);
    foreign.may_signal = false;
    Session walsender = client(4);
    walsender.kind = core::Kind::walsender;
    EXPECT_EQ(check({superuser, self, foreign, walsender, worker(5)}), PidList{});
    EXPECT_EQ(last.matched, 0);
    rule.guards.include = {true, true, false, true};
    EXPECT_EQ(check_after(seconds(1), {superuser, self, foreign, walsender, worker(5)}), (PidList{1, 4, 5}));
}

TEST_F(RuleCheck, TheOneThatIsKeptMayBeTheNextToGo) {
    rule.guards.keep = 1;
    rule.matching_for = seconds(1);
    check({client(1), client(2)});
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2)}), PidList{2});
    Session oldest = client(3);
    oldest.id.start = 0;
    EXPECT_EQ(check_after(seconds(1), {client(1), oldest}), PidList{1}) << "it has matched all the time";
}

TEST_F(RuleCheck, HasRoomForTheOldestMatches) {
    rule.at_most = 2;
    rule.matching_for = seconds(1);
    check({client(3)});
    check_after(milliseconds(100), {client(3), client(2)});
    check_after(milliseconds(100), {client(3), client(2), client(1), client(4)});
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2), client(3), client(4)}), (PidList{3, 2, 1, 4}));
    EXPECT_EQ(act(), (PidList{3, 2}));
    EXPECT_EQ(last.held_back + held_back, 2);
}

TEST_F(RuleCheck, TheRoomOfWhoCannotBeActedOnGoesToTheNext) {
    rule.at_most = 1;
    check({client(1), client(2), client(3)});
    EXPECT_EQ(act({1}), PidList{2});
    EXPECT_EQ(held_back, 1) << "the one who was tried is not";
    check_after(rule.at_most_within, {client(1), client(3)});
    EXPECT_EQ(act({1}), PidList{3});
    EXPECT_EQ(held_back, 1);
}

TEST_F(RuleCheck, WithoutRoomItClaimsNobodySoThatAnotherRuleMayHaveThem) {
    rule.at_most = 1;
    check({client(1), client(2)});
    act();
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2), client(3)}), PidList{});
    EXPECT_EQ(last.matched, 3);
    EXPECT_EQ(last.held_back, 1) << "one was held back before";
    EXPECT_FALSE(last.is_refused);
}

TEST_F(RuleCheck, OfMatchesOfTheSameAgeTheOldestSessionComesFirst) {
    Session old = client(9);
    old.id.start = 0;
    Session twin = client(1);
    twin.id.start = client(2).id.start;
    EXPECT_EQ(check({client(3), client(2), twin, old}), (PidList{9, 1, 2, 3}));
}

TEST_F(RuleCheck, HasNoMoreRoomThanItsActionsLeft) {
    rule.at_most = 2;
    rule.at_most_within = seconds(10);
    times.add(now - seconds(9));
    check({client(1), client(2)});
    EXPECT_EQ(core::room_for_actions(rule, times, now), 1U);
    EXPECT_EQ(act(), PidList{1});
    EXPECT_EQ(held_back, 1);
    check_after(seconds(1), {client(1), client(2)});
    EXPECT_EQ(act(), PidList{2});
}

TEST_F(RuleCheck, WithoutABoundItsActionsDoNotMatter) {
    for (int i = 0; i < 200; ++i)
        times.add(now);
    EXPECT_EQ(check({client(1)}), PidList{1});
    EXPECT_EQ(act(), PidList{1});
    check_after(seconds(1), {});
    rule.at_most = 100;
    EXPECT_EQ(check({client(1)}), PidList{});
}

TEST_F(RuleCheck, WhoIsHeldBackIsCountedOnceForAMatch) {
    rule.at_most = 1;
    times.add(now);
    check({client(1), client(2)});
    EXPECT_EQ(last.held_back, 2);
    check_after(seconds(1), {client(1), client(2), client(3)});
    EXPECT_EQ(last.held_back, 1);
    check_after(seconds(1), {});
    check_after(seconds(1), {client(1)});
    EXPECT_EQ(last.held_back, 1);
}

TEST_F(RuleCheck, WhoIsHeldByAnActionInFlightDoesNotMatch) {
    flights.pids = {1};
    EXPECT_EQ(check({client(1), client(2)}), PidList{2});
    EXPECT_EQ(last.matched, 1);
    ASSERT_EQ(plan.size(), 1U);
    EXPECT_EQ(plan[0].session.id.pid, 2);
}

TEST_F(RuleCheck, ItsOwnActionsCountForRefuseAboveWhetherTheirSessionsMatchOrNot) {
    rule.guards.refuse_above = 2;
    flights.pids = {1, 9};
    EXPECT_EQ(check({client(1), client(2)}), PidList{});
    EXPECT_TRUE(last.is_refused);
    EXPECT_EQ(last.matched, 1);
    EXPECT_EQ(last.held_back, 1);
    flights.pids = {1};
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2)}), PidList{2});
}

TEST_F(RuleCheck, ThoseThatOthersHoldCountForRefuseAboveIfTheyMatchAndItMayActOnThem) {
    rule.guards.refuse_above = 2;
    flights.pids = {1, 2, 9};
    flights.whose = core::Hold::others;
    EXPECT_EQ(check({client(1), client(2), client(3)}), PidList{});
    EXPECT_TRUE(last.is_refused);
    EXPECT_EQ(last.matched, 1);
    Session superuser = client(2);
    superuser.is_superuser = true;
    EXPECT_EQ(check_after(seconds(1), {client(1), superuser, client(3)}), PidList{3});
}

TEST_F(RuleCheck, AnActionWithoutEffectIsNotRepeatedForTheMatch) {
    check({client(1)});
    act_on(client(1));
    flights.pids = {1};
    check_after(seconds(1), {client(1)});
    flights.pids = {};
    EXPECT_EQ(check_after(seconds(1), {client(1)}), PidList{});
    streaks.forget(client(1));
    EXPECT_EQ(check_after(seconds(1), {client(1)}), PidList{1});
}

TEST_F(RuleCheck, WhatWasOnlyLoggedIsDueAtTheNextCheck) {
    rule.matching_for = seconds(2);
    check({client(1)});
    EXPECT_EQ(check_after(seconds(2), {client(1)}), PidList{1});
    act_on(client(1));
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2)}), PidList{});
    streaks.forget_actions();
    EXPECT_EQ(check_after(seconds(1), {client(1), client(2)}), PidList{1});
}

namespace {

Claim claim(std::int32_t rule, RuleAction action, std::int32_t pid, Timestamp since = 0) {
    return {rule, action, client(pid), since};
}

using RuleNumbers = std::vector<std::int32_t>;

/// Of each session, in the order in which they may have it.
std::vector<RuleNumbers> rules_of(const core::vector<core::Contest>& contests) {
    std::vector<RuleNumbers> all;
    for (const core::Contest& contest : contests) {
        RuleNumbers rules;
        for (const Claim& each : contest)
            rules.push_back(each.rule);
        all.push_back(rules);
    }
    return all;
}

} // namespace

TEST(Claims, TheStrongestActionComesFirst) {
    const RuleAction all[] = {RuleAction::log,    RuleAction::notify,   RuleAction::drain,
                              RuleAction::cancel, RuleAction::escalate, RuleAction::terminate};
    for (int weaker = 0; weaker < 6; ++weaker)
        for (int stronger = weaker + 1; stronger < 6; ++stronger) {
            EXPECT_EQ(rules_of(core::settle_claims({claim(0, all[weaker], 1), claim(1, all[stronger], 1)})),
                      (std::vector<RuleNumbers>{{1, 0}}));
            EXPECT_EQ(rules_of(core::settle_claims({claim(1, all[stronger], 1), claim(0, all[weaker], 1)})),
                      (std::vector<RuleNumbers>{{1, 0}}));
        }
}

TEST(Claims, OfEqualActionsTheFirstRuleComesFirst) {
    EXPECT_EQ(rules_of(core::settle_claims({claim(1, RuleAction::cancel, 1), claim(0, RuleAction::cancel, 1),
                                            claim(2, RuleAction::cancel, 1)})),
              (std::vector<RuleNumbers>{{0, 1, 2}}));
}

TEST(Claims, SessionsAreToldApartByTheirIdentity) {
    Claim successor = claim(1, RuleAction::cancel, 1);
    successor.session.id.start += 1;
    EXPECT_EQ(core::settle_claims({claim(0, RuleAction::cancel, 1), successor}).size(), 2U);
}

TEST(Claims, TheOldestMatchComesFirst) {
    EXPECT_EQ(rules_of(core::settle_claims(
                  {claim(0, RuleAction::terminate, 1, 30), claim(1, RuleAction::log, 2, 10),
                   claim(2, RuleAction::cancel, 3, 20), claim(3, RuleAction::terminate, 2, 40)})),
              (std::vector<RuleNumbers>{{2}, {0}, {3, 1}}));
}

} // namespace sessionctl::test
