// When a waiting session's patience ends, and what follows, step by step.
#include "core/locks/patience.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::Blocker;
using core::BlockerAction;
using core::LockSettings;
using core::LockWait;
using core::Obstacle;
using core::PatienceStep;
using core::StepKind;
using core::Timestamp;

namespace {

constexpr Timestamp ms = core::microseconds_per_millisecond;

/// A session with a patience of 500 ms waits from 1 s on; the monotonic clock reads `now`.
class Waiting {
  public:
    explicit Waiting(BlockerAction action = BlockerAction::terminate, bool knows_since = true)
        : settings_{core::LockPriority::high, 500, action}, knows_since_(knows_since) {}

    Blocker blocker(int pid = 2, Obstacle obstacle = Obstacle::none) const {
        return {1, {pid, 7}, is_active, 3, knows_since_ ? 1000 * ms : 0, obstacle};
    }

    core::vector<PatienceStep> look(Timestamp at, const core::vector<Blocker>& blockers) {
        monitor.begin(at);
        core::vector<PatienceStep> steps;
        if (!blockers.empty())
            steps = monitor.check(wait, settings_, blockers);
        monitor.finish();
        return steps;
    }

    /// The kinds of the steps, which are taken.
    std::vector<StepKind> kinds(Timestamp at, const core::vector<Blocker>& blockers) {
        std::vector<StepKind> kinds;
        for (const PatienceStep& step : look(at, blockers)) {
            kinds.push_back(step.kind);
            monitor.taken(wait, step);
        }
        return kinds;
    }

    core::PatienceMonitor monitor;
    LockWait wait = {{1, 5}, 9, 42};
    bool is_active = false;

  private:
    const LockSettings settings_;
    const bool knows_since_;
};

using Kinds = std::vector<StepKind>;

} // namespace

TEST(Patience, EndsAfterItsTime) {
    Waiting waiting;
    EXPECT_EQ(waiting.kinds(900 * ms, {}), Kinds{});
    EXPECT_EQ(waiting.kinds(1200 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.monitor.next_look(), 1500 * ms) << "not later, not earlier";
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
    EXPECT_EQ(waiting.kinds(1550 * ms, {waiting.blocker()}), Kinds{}) << "once";
}

TEST(Patience, OfATransactionThatBeganLaterFromTheFirstLook) {
    Waiting waiting(BlockerAction::terminate, false);
    EXPECT_EQ(waiting.kinds(1200 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.monitor.next_look(), 1700 * ms);
    EXPECT_EQ(waiting.kinds(1699 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.kinds(1700 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
}

TEST(Patience, AStepThatWasNotTakenComesAgain) {
    Waiting waiting;
    ASSERT_EQ(waiting.look(1500 * ms, {waiting.blocker()}).size(), 1u);
    EXPECT_EQ(waiting.look(1550 * ms, {waiting.blocker()}).size(), 1u);
}

TEST(Patience, AnotherTransactionOfTheBlockerCountsAnew) {
    Waiting waiting(BlockerAction::terminate, false);
    Blocker blocker = waiting.blocker();
    for (int i = 0; i < 20; ++i) { // a row that is handed from one to the next
        blocker.xact_start = 100 + i;
        EXPECT_EQ(waiting.kinds((1000 + 100 * i) * ms, {blocker}), Kinds{});
    }
    EXPECT_EQ(waiting.kinds(3400 * ms, {blocker}), Kinds{StepKind::terminate}) << "this one stays";
}

TEST(Patience, AnotherWaitCountsAnew) {
    Waiting waiting(BlockerAction::terminate, false);
    waiting.kinds(1000 * ms, {waiting.blocker()});
    waiting.wait.lock = 43;
    EXPECT_EQ(waiting.kinds(1600 * ms, {waiting.blocker()}), Kinds{});
    waiting.wait.statement = 10;
    EXPECT_EQ(waiting.kinds(2200 * ms, {waiting.blocker()}), Kinds{});
    waiting.wait.attempt = 11; // the same statement tries again
    EXPECT_EQ(waiting.kinds(2710 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.kinds(2800 * ms, {}), Kinds{});
    EXPECT_EQ(waiting.kinds(3300 * ms, {waiting.blocker()}), Kinds{}) << "it did not wait in between";
}

TEST(Patience, OneThatStaysSparesAll) {
    Waiting waiting;
    const core::vector<Blocker> both = {waiting.blocker(2), waiting.blocker(3, Obstacle::not_permitted)};
    waiting.kinds(900 * ms, {});
    EXPECT_EQ(waiting.kinds(1400 * ms, both), Kinds{});
    const auto steps = waiting.look(1500 * ms, both);
    ASSERT_EQ(steps.size(), 1u);
    EXPECT_EQ(steps[0].kind, StepKind::report);
    EXPECT_EQ(steps[0].blocker.id.pid, 3);
    EXPECT_EQ(waiting.kinds(1550 * ms, both), Kinds{}) << "reported once";
    EXPECT_EQ(waiting.kinds(1600 * ms, {waiting.blocker(2)}), Kinds{StepKind::terminate}) << "it has gone";
}

TEST(Patience, OneThatIsNotDueSparesAll) {
    Waiting waiting;
    Blocker later = waiting.blocker(3);
    later.since = 1400 * ms;
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker(2), later}), Kinds{});
    EXPECT_FALSE(waiting.monitor.all_give_way(waiting.wait, 500, {waiting.blocker(2), later}));
    EXPECT_EQ(waiting.kinds(1899 * ms, {waiting.blocker(2), later}), Kinds{});
    EXPECT_EQ(waiting.monitor.next_look(), 1900 * ms);
    EXPECT_EQ(waiting.kinds(1900 * ms, {waiting.blocker(2), later}),
              (Kinds{StepKind::terminate, StepKind::terminate}));
}

TEST(Patience, OneThatCommitsSparesAllForAMoment) {
    Waiting waiting;
    const Blocker first = waiting.blocker(2);
    const Blocker commits = waiting.blocker(3, Obstacle::commits);
    EXPECT_EQ(waiting.kinds(1500 * ms, {first, commits}), Kinds{}) << "not worth a report";
    EXPECT_FALSE(waiting.monitor.all_give_way(waiting.wait, 500, {first, commits}));
    EXPECT_EQ(waiting.kinds(1550 * ms, {first}), Kinds{StepKind::terminate}) << "it has gone by itself";
}

TEST(Patience, BeforeTheFirstSignalAllAreLookedAtAgain) {
    Waiting waiting;
    const Blocker first = waiting.blocker(2);
    const Blocker second = waiting.blocker(3);
    const auto all_give_way = [&](const core::vector<Blocker>& now) {
        return waiting.monitor.all_give_way(waiting.wait, 500, now);
    };
    EXPECT_FALSE(all_give_way({first})) << "nothing is known of that wait";
    ASSERT_EQ(waiting.look(1500 * ms, {first, second}).size(), 2u);
    EXPECT_TRUE(all_give_way({first, second}));
    EXPECT_TRUE(all_give_way({second})) << "one has gone";
    EXPECT_FALSE(all_give_way({})) << "the wait is over";
    EXPECT_FALSE(all_give_way({first, waiting.blocker(3, Obstacle::not_lower)}));
    EXPECT_FALSE(all_give_way({first, second, waiting.blocker(4)})) << "one that has just come";
    Blocker other = second;
    ++other.xact_start;
    EXPECT_FALSE(all_give_way({first, other})) << "in another transaction";
}

TEST(Patience, EachObstacleIsReportedOncePerWait) {
    Waiting waiting;
    const auto reported = [&](Timestamp at, const core::vector<Blocker>& blockers) {
        std::vector<int> pids;
        for (const PatienceStep& step : waiting.look(at, blockers))
            pids.push_back(step.blocker.id.pid);
        return pids;
    };
    const Blocker equal = waiting.blocker(2, Obstacle::not_lower);
    const Blocker other = waiting.blocker(3, Obstacle::not_lower);
    const Blocker denied = waiting.blocker(4, Obstacle::not_permitted);
    EXPECT_EQ(reported(1500 * ms, {equal, other}), std::vector<int>{2});
    EXPECT_EQ(reported(1550 * ms, {equal, other, denied}), std::vector<int>{4})
        << "not hidden by what came first";
    EXPECT_EQ(reported(1600 * ms, {denied}), std::vector<int>{});
    EXPECT_EQ(reported(1650 * ms, {equal, denied}), std::vector<int>{});
    waiting.wait.attempt = 11;
    EXPECT_EQ(reported(2500 * ms, {equal, denied}), (std::vector<int>{2, 4})) << "another wait";
}

TEST(Patience, LogOncePerWait) {
    Waiting waiting(BlockerAction::log);
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker(2), waiting.blocker(3)}),
              (Kinds{StepKind::log, StepKind::log}));
    EXPECT_EQ(waiting.kinds(9000 * ms, {waiting.blocker(2), waiting.blocker(3)}), Kinds{});
}

TEST(Patience, CancelNeverTerminates) {
    Waiting waiting(BlockerAction::cancel);
    waiting.is_active = true;
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::cancel});
    for (Timestamp at = 1550 * ms; at < 20000 * ms; at += 1000 * ms)
        EXPECT_EQ(waiting.kinds(at, {waiting.blocker()}), Kinds{});
}

TEST(Patience, EscalateCancelsFirst) {
    Waiting waiting(BlockerAction::escalate);
    waiting.is_active = true;
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::cancel});
    EXPECT_EQ(waiting.kinds(3499 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.monitor.next_look(), 3500 * ms);
    waiting.is_active = false; // it has heard of it, and holds the lock on
    EXPECT_EQ(waiting.kinds(3500 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
    EXPECT_EQ(waiting.kinds(3600 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.kinds(9000 * ms, {waiting.blocker()}), Kinds{});
}

TEST(Patience, EscalateTerminatesAtOnceWhatRunsNothing) {
    Waiting waiting(BlockerAction::escalate);
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
}

TEST(Patience, EscalateWaitsAfterTheCancelWhoeverAskedForIt) {
    Waiting waiting(BlockerAction::escalate);
    waiting.is_active = true;
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::cancel});
    waiting.is_active = false;
    waiting.wait.waiter = {4, 5}; // another one behind it
    EXPECT_EQ(waiting.kinds(1520 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.kinds(3499 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.monitor.next_look(), 3500 * ms);
    EXPECT_EQ(waiting.kinds(3500 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
}

TEST(Patience, SignalsATransactionOnceHoweverManyWait) {
    for (const BlockerAction action : {BlockerAction::cancel, BlockerAction::terminate}) {
        Waiting waiting(action);
        waiting.is_active = true;
        Blocker blocker = waiting.blocker();
        EXPECT_EQ(waiting.kinds(1500 * ms, {blocker}).size(), 1u);
        for (int pid = 4; pid < 100; ++pid) {
            waiting.wait.waiter = {pid, 5};
            EXPECT_EQ(waiting.kinds((1500 + 1000 * pid) * ms, {blocker}), Kinds{});
        }
        ++blocker.xact_start;
        EXPECT_EQ(waiting.kinds(200000 * ms, {blocker}).size(), 1u) << "its next one again";
    }
}

TEST(Patience, ForgetsWhoIsInNobodysWayAnyMore) {
    Waiting waiting;
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
    EXPECT_EQ(waiting.kinds(11000 * ms, {waiting.blocker()}), Kinds{});
    EXPECT_EQ(waiting.kinds(22000 * ms, {}), Kinds{});
    EXPECT_EQ(waiting.kinds(22100 * ms, {waiting.blocker()}), Kinds{StepKind::terminate});
}

TEST(Patience, LooksLessOftenTheLongerItLasts) {
    Waiting waiting(BlockerAction::log);
    waiting.kinds(1500 * ms, {waiting.blocker()});
    EXPECT_EQ(waiting.monitor.next_look(), 1550 * ms);
    waiting.kinds(601000 * ms, {waiting.blocker()});
    EXPECT_EQ(waiting.monitor.next_look(), 602000 * ms);
}

TEST(Patience, LooksForBlockersWhenItHasEnded) {
    Waiting waiting(BlockerAction::log);
    const auto is_due = [&](Timestamp at) {
        waiting.monitor.begin(at);
        return waiting.monitor.is_due(waiting.wait, 1000 * ms, 500);
    };
    EXPECT_FALSE(is_due(1000 * ms));
    EXPECT_EQ(waiting.monitor.next_look(), 1500 * ms);
    EXPECT_FALSE(is_due(1499 * ms));
    EXPECT_TRUE(is_due(1500 * ms));
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker()}), Kinds{StepKind::log});
    EXPECT_FALSE(is_due(1549 * ms)) << "it was looked at a moment ago";
    EXPECT_EQ(waiting.monitor.next_look(), 1550 * ms);
    waiting.monitor.finish();
    EXPECT_TRUE(is_due(1550 * ms));
    EXPECT_EQ(waiting.kinds(1550 * ms, {waiting.blocker()}), Kinds{}) << "and is the same wait still";
}

TEST(Patience, LooksNoMoreAtAWaitThatIsClosed) {
    Waiting waiting;
    const auto is_due = [&](Timestamp at) {
        waiting.monitor.begin(at);
        return waiting.monitor.is_due(waiting.wait, 1000 * ms, 500);
    };
    EXPECT_TRUE(is_due(1500 * ms));
    EXPECT_EQ(waiting.kinds(1500 * ms, {waiting.blocker(2, Obstacle::lock_kind)}), Kinds{StepKind::report});
    waiting.monitor.close(waiting.wait);
    for (const Timestamp at : {2000 * ms, 9000 * ms}) {
        EXPECT_FALSE(is_due(at));
        EXPECT_EQ(waiting.monitor.next_look(), core::PatienceMonitor::never);
        waiting.monitor.finish();
    }
    waiting.wait.attempt = 11;
    EXPECT_TRUE(is_due(9500 * ms)) << "another wait";
    waiting.monitor.close(waiting.wait); // of which nothing is known yet
    EXPECT_TRUE(is_due(9520 * ms));
}

TEST(Patience, LooksAgainSoonWhereNobodyIsInTheWay) {
    Waiting waiting;
    waiting.monitor.begin(1500 * ms);
    EXPECT_TRUE(waiting.monitor.check(waiting.wait, {core::LockPriority::high, 500}, {}).empty());
    EXPECT_EQ(waiting.monitor.next_look(), 1520 * ms);
}

TEST(Patience, LooksForTheBlockersOfSoManyWaitsAtOnce) {
    core::PatienceMonitor monitor;
    const auto look = [&](Timestamp at, int first) {
        monitor.begin(at);
        std::vector<int> due;
        for (int i = 0; i < 100; ++i) {
            const int pid = 1 + (first - 1 + i) % 100;
            if (monitor.is_due({{pid, 5}, 9, 42}, 0, 1))
                due.push_back(pid);
        }
        monitor.finish();
        return due;
    };
    EXPECT_EQ(look(10 * ms, 1).size(), static_cast<std::size_t>(core::PatienceMonitor::most_searches));
    EXPECT_EQ(monitor.first_postponed(), core::PatienceMonitor::most_searches + 1);
    EXPECT_EQ(monitor.next_look(), 30 * ms) << "the others soon";
    EXPECT_EQ(look(30 * ms, monitor.first_postponed()).front(), core::PatienceMonitor::most_searches + 1);
    EXPECT_EQ(monitor.first_postponed(), 29) << "around, and on";
    monitor.begin(50 * ms);
    EXPECT_EQ(monitor.first_postponed(), 0);
    monitor.end_searches();
    EXPECT_FALSE(monitor.is_due({{6, 5}, 9, 42}, 50 * ms, 1));
    monitor.end_searches();
    EXPECT_TRUE(monitor.is_due({{7, 5}, 9, 42}, 0, 1)) << "one in every look";
    monitor.end_searches();
    EXPECT_FALSE(monitor.is_due({{8, 5}, 9, 42}, 0, 1)) << "the look has taken too long";
    EXPECT_EQ(monitor.first_postponed(), 8);
    EXPECT_FALSE(monitor.is_due({{9, 5}, 9, 42}, 50 * ms, 1)) << "and this one is not due";
    EXPECT_EQ(monitor.first_postponed(), 8);
}

TEST(Patience, LooksTakeATenthOfTheTime) {
    EXPECT_EQ(core::earliest_next_look(1001 * ms, 1 * ms), 1010 * ms);
    EXPECT_EQ(core::earliest_next_look(1010 * ms, 10 * ms), 1100 * ms);
    EXPECT_EQ(core::earliest_next_look(1500 * ms, 1 * ms), 1509 * ms) << "it stood still for long";
    EXPECT_EQ(core::earliest_next_look(1500 * ms, 500 * ms), 2500 * ms) << "but once a second";
}

TEST(Patience, ANewOneWakesOnceForEachLook) {
    constexpr Timestamp never = core::PatienceMonitor::never;
    EXPECT_EQ(core::earlier_look(1000 * ms, 500, never), 1020 * ms) << "nobody had one";
    EXPECT_EQ(core::earlier_look(1000 * ms, 500, 1251 * ms), 1020 * ms);
    EXPECT_FALSE(core::earlier_look(1000 * ms, 500, 1250 * ms)) << "as soon as its own would be";
    EXPECT_FALSE(core::earlier_look(1000 * ms, 1, 0)) << "during a look";
    for (const Timestamp now : {1000 * ms, 1001 * ms, 1019 * ms, 2000 * ms})
        for (const std::int32_t patience : {1, 20, 500, 1000000})
            EXPECT_FALSE(core::earlier_look(now, patience, 1020 * ms)) << "nobody else does";
}

TEST(Patience, LookInterval) {
    EXPECT_EQ(core::look_interval(1), 20 * ms);
    EXPECT_EQ(core::look_interval(500), 250 * ms);
    EXPECT_EQ(core::look_interval(INT32_MAX), 1000 * ms);
}

TEST(Patience, Texts) {
    Waiting waiting;
    const PatienceStep cancel = {StepKind::cancel, waiting.blocker(), 512 * ms};
    EXPECT_EQ(
        core::detail_of(cancel, {core::LockPriority::high, 500, BlockerAction::cancel}),
        "A session of high lock priority waited for this one for 512 ms (pg_sessionctl.blocker_patience is "
        "500 ms).");
    EXPECT_STREQ(core::hint_of(cancel), "Hold locks for a shorter time; repeat the transaction.");
    const PatienceStep terminate = {StepKind::terminate, waiting.blocker(), 512 * ms};
    EXPECT_STREQ(core::hint_of(terminate),
                 "Hold locks for a shorter time; connect again and repeat what was not committed.");
}

} // namespace sessionctl::test
