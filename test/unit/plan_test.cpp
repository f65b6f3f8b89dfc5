#include "core/sessions/plan_text.hpp"
#include "support.hpp"

#include <algorithm>
#include <set>

namespace sessionctl::test {

using core::Action;
using core::Guards;
using core::KeepWhich;
using core::Outcome;
using core::Plan;
using core::Session;
using core::Target;

namespace {

void add(Plan& plan, const Session& session, std::string_view group = "") {
    Target target = {};
    target.session = session;
    target.group = group;
    plan.push_back(target);
}

/// Ordinary clients with these pids, each started after the one with the next lower pid.
Plan clients(std::initializer_list<std::int32_t> pids) {
    Plan plan;
    for (const std::int32_t pid : pids)
        add(plan, client(pid));
    return plan;
}

void add_with_outcome(Plan& plan, Outcome outcome, int number, const char* reason = nullptr) {
    for (int i = 0; i < number; ++i) {
        add(plan, client(static_cast<std::int32_t>(plan.size()) + 1));
        plan.back().outcome = outcome;
        plan.back().reason = reason;
    }
}

std::set<std::int32_t> chosen(const Plan& plan) {
    std::set<std::int32_t> pids;
    for (const Target& target : plan)
        if (target.outcome == Outcome::chosen)
            pids.insert(target.session.id.pid);
    return pids;
}

Guards keeping(std::int32_t number, KeepWhich which = KeepWhich::oldest) {
    Guards guards;
    guards.keep = number;
    guards.keep_which = which;
    return guards;
}

std::string summary_of(const Plan& plan, Action action) {
    return str(core::summary(plan, action));
}

using Pids = std::set<std::int32_t>;

} // namespace

TEST(Choose, TakesOrdinaryClients) {
    Plan plan = clients({1, 2, 3});
    choose(plan, {});
    EXPECT_EQ(chosen(plan), (Pids{1, 2, 3}));
    for (const Target& target : plan)
        EXPECT_EQ(target.reason, nullptr);
}

TEST(Choose, SparesTheProtectedDeniesWhatTheCallerMayNotSignalAndSaysWhy) {
    Plan plan = clients({1, 2, 3, 4});
    plan[0].session.may_signal = false;
    plan[3].session.is_superuser = true;
    choose(plan, {});
    EXPECT_EQ(chosen(plan), (Pids{2, 3}));
    EXPECT_EQ(plan[0].outcome, Outcome::denied);
    EXPECT_STREQ(plan[0].reason, "permission denied");
    EXPECT_EQ(plan[1].reason, nullptr);
    EXPECT_EQ(plan[3].outcome, Outcome::spared);
    EXPECT_STREQ(plan[3].reason, "superuser");
}

TEST(Choose, HonoursInclusion) {
    Plan plan = clients({1, 2});
    plan[0].session.is_superuser = true;
    plan[1].session.kind = core::Kind::walsender;
    Guards guards;
    guards.include = {true, true};
    choose(plan, guards);
    EXPECT_EQ(chosen(plan), (Pids{1, 2}));
}

TEST(Choose, AcceptsAnEmptyPlan) {
    Plan plan;
    choose(plan, keeping(3));
    EXPECT_TRUE(plan.empty());
}

TEST(Keep, LeavesTheOldest) {
    Plan plan = clients({3, 1, 4, 2});
    choose(plan, keeping(2));
    EXPECT_EQ(chosen(plan), (Pids{3, 4}));
    EXPECT_EQ(plan[1].outcome, Outcome::spared);
    EXPECT_STREQ(plan[1].reason, "kept");
}

TEST(Keep, LeavesTheNewest) {
    Plan plan = clients({3, 1, 4, 2});
    choose(plan, keeping(1, KeepWhich::newest));
    EXPECT_EQ(chosen(plan), (Pids{1, 2, 3}));
}

TEST(Keep, LeavesTheOneWhoseStateChangedLast) {
    Plan plan = clients({1, 2, 3});
    plan[0].session.state_change = seconds(50);
    plan[1].session.state_change = seconds(70);
    plan[2].session.state_change = seconds(60);
    choose(plan, keeping(1, KeepWhich::busiest));
    EXPECT_EQ(chosen(plan), (Pids{1, 3}));
}

Plan running_clients(std::initializer_list<std::int32_t> pids) {
    Plan plan = clients(pids);
    for (core::Target& target : plan)
        target.session.state = core::State::active;
    return plan;
}

TEST(Keep, LeavesTheOneLongestInItsTransaction) {
    Plan plan = running_clients({1, 2, 3, 4});
    plan[0].session.xact_start = 0; // in none
    plan[1].session.xact_start = seconds(70);
    plan[2].session.xact_start = seconds(60);
    plan[3].session.xact_start = 0;
    choose(plan, keeping(1, KeepWhich::longest));
    EXPECT_EQ(chosen(plan), (Pids{1, 2, 4}));
    Plan again = running_clients({1, 2, 3, 4});
    again[3].session.xact_start = seconds(70);
    choose(again, keeping(2, KeepWhich::longest));
    EXPECT_EQ(chosen(again), (Pids{2, 3}));
    // Idle, it is in none of its client's.
    again = running_clients({1, 2, 3, 4});
    again[3].session.xact_start = seconds(70);
    again[3].session.state = core::State::idle;
    again[3].session.state_change = seconds(70);
    choose(again, keeping(2, KeepWhich::longest));
    EXPECT_EQ(chosen(again), (Pids{3, 4}));
}

TEST(Keep, GivesTiesToTheLowerPid) {
    for (const KeepWhich which :
         {KeepWhich::oldest, KeepWhich::newest, KeepWhich::busiest, KeepWhich::longest}) {
        Plan plan = clients({9, 7, 8});
        for (Target& target : plan)
            target.session.id.start = target.session.state_change = target.session.xact_start = seconds(5);
        choose(plan, keeping(1, which));
        EXPECT_EQ(chosen(plan), (Pids{8, 9})) << core::keep_which_name(which);
    }
}

TEST(Keep, DoesNotRevealTheTimesOfHiddenSessions) {
    for (const KeepWhich which :
         {KeepWhich::oldest, KeepWhich::newest, KeepWhich::busiest, KeepWhich::longest})
        for (const core::Timestamp first : {5, 7}) {
            Plan plan = clients({1, 2, 3, 4});
            for (Target& target : plan)
                target.session.is_visible = target.session.id.pid == 4;
            for (const int i : {0, 1}) {
                core::Session& session = plan[static_cast<std::size_t>(i)].session;
                session.id.start = session.state_change = session.xact_start =
                    seconds(i == 0 ? first : 12 - first);
            }
            choose(plan, keeping(2, which));
            EXPECT_EQ(chosen(plan), (Pids{2, 3})) << core::keep_which_name(which) << " " << first;
        }
}

TEST(Keep, LeavesAllWhenThereAreNoMore) {
    Plan plan = clients({1, 2});
    choose(plan, keeping(5));
    EXPECT_EQ(chosen(plan), Pids{});
    plan = clients({1, 2});
    choose(plan, keeping(2));
    EXPECT_EQ(chosen(plan), Pids{});
}

TEST(Keep, CountsForEachGroup) {
    Plan plan;
    add(plan, client(1), "app");
    add(plan, client(2), "batch");
    add(plan, client(3), "app");
    add(plan, client(4), "app");
    add(plan, client(5), ""); // NULL is a group of its own
    add(plan, client(6), "");
    add(plan, client(7), "alone");
    choose(plan, keeping(1));
    EXPECT_EQ(chosen(plan), (Pids{3, 4, 6}));
}

// A session that is spared anyway does not count as kept.
TEST(Keep, DoesNotCountTheProtected) {
    Plan plan = clients({1, 2, 3});
    plan[0].session.is_superuser = true;
    choose(plan, keeping(1));
    EXPECT_EQ(chosen(plan), Pids{3});
    EXPECT_STREQ(plan[0].reason, "superuser");
    EXPECT_STREQ(plan[1].reason, "kept");
}

TEST(Keep, DoesNotReorderThePlan) {
    Plan plan = clients({3, 1, 2});
    choose(plan, keeping(1));
    EXPECT_EQ(plan[0].session.id.pid, 3);
    EXPECT_EQ(plan[1].session.id.pid, 1);
    EXPECT_EQ(plan[2].session.id.pid, 2);
}

TEST(Keep, ManyInManyGroups) {
    const char* const groups[] = {"a", "b", "c", "d"};
    Plan plan;
    for (std::int32_t pid = 10000; pid > 0; --pid)
        add(plan, client(pid), groups[pid % 4]);
    choose(plan, keeping(100));
    const Pids pids = chosen(plan);
    EXPECT_EQ(pids.size(), 9600u);
    EXPECT_EQ(*pids.begin(), 401);
}

TEST(RefuseExcess, AllowsTheBoundItself) {
    Plan plan = clients({1, 2, 3});
    refuse_excess(plan, 3);
    refuse_excess(plan, 4);
}

TEST(RefuseExcess, RefusesOneMore) {
    Plan plan = clients({1, 2, 3});
    const core::Error error = error_of([&] { refuse_excess(plan, 2); });
    EXPECT_STREQ(error.sqlstate(), "54000");
    EXPECT_STREQ(error.what(), "3 sessions would be acted on, more than refuse_above (2) allows");
    EXPECT_STREQ(error.detail(), "No session was signalled.");
}

TEST(RefuseExcess, DoesNotCountTheSpared) {
    Plan plan = clients({1, 2, 3});
    plan[0].session.is_superuser = true;
    plan[1].session.may_signal = false;
    choose(plan, {});
    refuse_excess(plan, 1);
}

TEST(CountOf, CountsOneOutcome) {
    Plan plan;
    add_with_outcome(plan, Outcome::terminated, 3);
    add_with_outcome(plan, Outcome::denied, 2);
    EXPECT_EQ(count_of(plan, Outcome::terminated), 3);
    EXPECT_EQ(count_of(plan, Outcome::denied), 2);
    EXPECT_EQ(count_of(plan, Outcome::cancelled), 0);
}

TEST(Counted, IsWhatTheActionReallyDid) {
    Plan plan;
    add_with_outcome(plan, Outcome::chosen, 1);
    add_with_outcome(plan, Outcome::terminated, 2);
    add_with_outcome(plan, Outcome::cancelled, 4);
    add_with_outcome(plan, Outcome::signalled, 8);
    for (const Outcome uncounted :
         {Outcome::already_gone, Outcome::not_running, Outcome::no_longer_matches, Outcome::spared,
          Outcome::denied, Outcome::still_running, Outcome::not_permitted})
        add_with_outcome(plan, uncounted, 16, "superuser");
    EXPECT_EQ(counted(plan, Action::count), 1);
    EXPECT_EQ(counted(plan, Action::preview), 1);
    EXPECT_EQ(counted(plan, Action::terminate), 10);
    EXPECT_EQ(counted(plan, Action::cancel), 12);
    EXPECT_EQ(counted(plan, Action::escalate), 6);
}

TEST(Outcomes, AreSpeltAsInTheDocumentation) {
    expect_names(core::outcome_name,
                 {"chosen", "terminated", "cancelled", "signalled", "already gone", "not running",
                  "no longer matches", "spared", "denied", "still running", "not permitted", "not reached"});
}

TEST(Summary, IsSilentWhenAllCounted) {
    Plan plan;
    EXPECT_EQ(summary_of(plan, Action::terminate), "");
    add_with_outcome(plan, Outcome::terminated, 3);
    EXPECT_EQ(summary_of(plan, Action::terminate), "");
}

TEST(Summary, TellsWhereTheOthersWent) {
    Plan plan;
    add_with_outcome(plan, Outcome::terminated, 38);
    add_with_outcome(plan, Outcome::spared, 2, "superuser");
    add_with_outcome(plan, Outcome::denied, 1, "permission denied");
    EXPECT_EQ(summary_of(plan, Action::terminate), "matched 41: 38 ended, 2 spared (superuser), 1 denied");
}

TEST(Summary, CountsSeveralReasons) {
    Plan plan;
    add_with_outcome(plan, Outcome::spared, 2, "superuser");
    add_with_outcome(plan, Outcome::spared, 1, "self");
    add_with_outcome(plan, Outcome::spared, 3, "kept");
    EXPECT_EQ(summary_of(plan, Action::terminate), "matched 6: 6 spared (3 kept, 1 self, 2 superuser)");
}

TEST(Summary, KnowsAllOutcomesInOneOrder) {
    Plan plan;
    for (const Outcome outcome :
         {Outcome::not_permitted, Outcome::still_running, Outcome::no_longer_matches, Outcome::not_running,
          Outcome::already_gone, Outcome::signalled, Outcome::cancelled})
        add_with_outcome(plan, outcome, 1);
    EXPECT_EQ(summary_of(plan, Action::cancel),
              "matched 7: 1 cancelled, 1 signalled, 1 already gone, 1 not running, "
              "1 no longer matches, 1 still running, 1 not permitted");
}

TEST(Summary, OfALookSaysWhatWouldBeActedOn) {
    Plan plan;
    add_with_outcome(plan, Outcome::chosen, 2);
    add_with_outcome(plan, Outcome::spared, 1, "self");
    EXPECT_EQ(summary_of(plan, Action::count), "matched 3: 2 to act on, 1 spared (self)");
}

namespace {

enum class Of { app, boss, standby, worker, parallel };

/// The options named for such sessions where this is given.
std::string options_for(std::initializer_list<Of> all, core::Inclusion given = {}) {
    Plan plan;
    for (const Of each : all) {
        add(plan, client(static_cast<std::int32_t>(plan.size()) + 1));
        Session& session = plan.back().session;
        session.is_superuser = each == Of::boss;
        session.kind = each == Of::standby    ? core::Kind::walsender
                       : each == Of::worker   ? core::Kind::background_worker
                       : each == Of::parallel ? core::Kind::parallel_worker
                                              : core::Kind::client;
    }
    Guards guards = keeping(1);
    guards.include = given;
    choose(plan, guards);
    return str(core::options_for_spared(plan, given, ":="));
}

} // namespace

TEST(OptionsForSpared, AreNoneWhereNoneWouldHelp) {
    EXPECT_EQ(options_for({}), "");
    EXPECT_EQ(options_for({Of::app, Of::app, Of::parallel}), "");
}

TEST(OptionsForSpared, AreNamedAsTheServerUnderstands) {
    EXPECT_EQ(options_for({Of::app, Of::boss, Of::boss}),
              "include_superusers := true acts on superusers, too.");
    EXPECT_EQ(options_for({Of::standby}), "include_replication := true acts on walsenders, too.");
    EXPECT_EQ(options_for({Of::worker}), "include_background := true acts on background processes, too.");
}

TEST(OptionsForSpared, AreSeveral) {
    EXPECT_EQ(
        options_for({Of::worker, Of::app, Of::standby, Of::boss}),
        "include_superusers := true acts on superusers, include_replication := true acts on walsenders, "
        "include_background := true acts on background processes, too.");
}

TEST(OptionsForSpared, AreNotThoseThatAreGiven) {
    EXPECT_EQ(options_for({Of::boss, Of::boss}, {true, false}), "");
    EXPECT_EQ(options_for({Of::boss, Of::boss, Of::worker}, {true, false}),
              "include_background := true acts on background processes, too.");
}

TEST(OptionsForSpared, AreForSparedSessionsOnly) {
    Plan plan;
    add_with_outcome(plan, Outcome::denied, 1, "permission denied");
    plan[0].session.is_superuser = true;
    EXPECT_EQ(str(core::options_for_spared(plan, {}, ":=")), "");
}

TEST(Summary, OfManySessions) {
    Plan plan;
    add_with_outcome(plan, Outcome::terminated, 9999);
    add_with_outcome(plan, Outcome::still_running, 1);
    EXPECT_EQ(summary_of(plan, Action::terminate), "matched 10000: 9999 ended, 1 still running");
}

} // namespace sessionctl::test
