// Whom a waiting session's patience reaches: the table of all pairs, and the paths through the wait graph.
#include "core/locks/lock_priority.hpp"
#include "lock_model.hpp"
#include "support.hpp"

#include <map>

namespace sessionctl::test {

using core::BlockerAction;
using core::LockPriority;
using core::LockSettings;
using core::Obstacle;
using core::Standing;
using core::State;

namespace {

constexpr LockPriority all_priorities[] = {LockPriority::low, LockPriority::normal, LockPriority::high};

LockSettings waiter_of(LockPriority priority, BlockerAction action = BlockerAction::terminate) {
    return {priority, 500, action};
}

Standing standing(int pid, std::optional<LockPriority> priority, State state = State::idle_in_transaction) {
    Standing blocker = {};
    blocker.session.id = {pid, 1000 + pid};
    blocker.session.kind = core::Kind::client;
    blocker.session.state = state;
    blocker.session.xact_start = 10;
    blocker.session.may_signal = true;
    blocker.priority = priority;
    blocker.runs_statement = core::is_active(state);
    return blocker;
}

class Facts final : public core::BlockerFacts {
  public:
    std::map<int, Standing> standings;
    std::set<int> other_locks; // by number
    explicit Facts(const core::WaitGraph& graph) : graph_(graph) {}

    bool is_acted_on(const core::ProcLock& waiter) override { return other_locks.count(waiter.lock) == 0; }
    /// The monotonic clock is a minute behind.
    core::WaitStart start_of(const core::ProcLock& waiter) override {
        return {waiter.since - core::microseconds_per_second * 60, waiter.since};
    }
    std::optional<Standing> standing_of(int party) override {
        const auto found = standings.find(graph_.party(party).pid);
        return found != standings.end() ? std::optional(found->second) : std::nullopt;
    }

  private:
    const core::WaitGraph& graph_;
};

/// 1 waits, with high priority; the others have low priority but for those in `given`.
std::map<int, Obstacle> in_the_way(const Model& model, std::map<int, Standing> given = {},
                                   std::set<int> other_locks = {},
                                   const LockSettings& waiter = waiter_of(LockPriority::high)) {
    const core::WaitGraph graph = graph_of(model);
    Facts facts(graph);
    facts.other_locks = other_locks;
    for (int pid = 2; pid < 10; ++pid)
        facts.standings[pid] = standing(pid, LockPriority::low);
    for (const auto& [pid, blocker] : given)
        facts.standings[pid] = blocker;
    std::map<int, Obstacle> found;
    for (const core::Blocker& blocker : core::blockers_to_give_way(graph, graph.find(1), waiter, facts))
        found[blocker.id.pid] = blocker.obstacle;
    return found;
}

using Found = std::map<int, Obstacle>;
constexpr Obstacle ends = Obstacle::none;

} // namespace

TEST(LockPriority, TableOfAllPairs) {
    for (const LockPriority waiter : all_priorities)
        for (const LockPriority blocker : all_priorities)
            for (const State state :
                 {State::idle_in_transaction, State::idle_in_transaction_aborted, State::active})
                EXPECT_EQ(core::obstacle_of(waiter_of(waiter), standing(2, blocker, state)),
                          blocker < waiter ? Obstacle::none : Obstacle::not_lower);
}

TEST(LockPriority, UnknownIsNotLower) {
    for (const LockPriority waiter : all_priorities)
        EXPECT_EQ(core::obstacle_of(waiter_of(waiter), standing(2, std::nullopt)), Obstacle::no_client);
    for (const core::Kind kind : {core::Kind::autovacuum_worker, core::Kind::background_worker,
                                  core::Kind::database_walsender, core::Kind::other}) {
        Standing blocker = standing(2, LockPriority::low);
        blocker.session.kind = kind;
        EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::no_client);
    }
}

TEST(LockPriority, OnlyWhomTheWaiterMaySignal) {
    Standing blocker = standing(2, LockPriority::low);
    blocker.session.may_signal = false;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::not_permitted);
    blocker.session.is_protected = true;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::exempt);
}

TEST(LockPriority, WhoSetThePatienceNeedsTheRightToo) {
    Standing blocker = standing(2, LockPriority::low);
    blocker.setters_may_signal = false;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::setter_not_permitted);
    blocker.session.may_signal = false;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::not_permitted);
    for (int i = 0; i <= static_cast<int>(Obstacle::commits); ++i) {
        const auto obstacle = static_cast<Obstacle>(i);
        EXPECT_EQ(core::is_denial(obstacle),
                  obstacle == Obstacle::not_permitted || obstacle == Obstacle::setter_not_permitted);
    }
}

TEST(LockPriority, OutsideOfATransactionNobodyIsEnded) {
    Standing blocker = standing(2, LockPriority::low, State::idle);
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::no_transaction);
    blocker = standing(2, LockPriority::low, State::disabled);
    blocker.session.xact_start = 0;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::no_transaction);
    blocker = standing(2, LockPriority::low, State::idle_in_transaction_aborted);
    blocker.session.xact_start = 0; // it has lost it
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::none);
}

TEST(LockPriority, CancelNeedsAStatement) {
    const auto obstacle = [](BlockerAction action, State state) {
        return core::obstacle_of(waiter_of(LockPriority::high, action),
                                 standing(2, LockPriority::low, state));
    };
    EXPECT_EQ(obstacle(BlockerAction::cancel, State::idle_in_transaction), Obstacle::no_statement);
    EXPECT_EQ(obstacle(BlockerAction::cancel, State::active), Obstacle::none);
    EXPECT_EQ(obstacle(BlockerAction::cancel, State::fastpath), Obstacle::none);
    for (const BlockerAction action : {BlockerAction::log, BlockerAction::terminate, BlockerAction::escalate})
        EXPECT_EQ(obstacle(action, State::idle_in_transaction), Obstacle::none);
    Standing asleep = standing(2, LockPriority::low, State::active);
    asleep.runs_statement = false; // it waits for its client's next message
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high, BlockerAction::cancel), asleep),
              Obstacle::no_statement);
}

TEST(LockPriority, NobodyInItsCommit) {
    Standing blocker = standing(2, LockPriority::low, State::active);
    blocker.is_in_commit = true;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::commits);
    blocker.session.may_signal = false;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::not_permitted)
        << "what lasts is told first";
    blocker.session.may_signal = true;
    blocker.awaits_standby = true;
    EXPECT_EQ(core::obstacle_of(waiter_of(LockPriority::high), blocker), Obstacle::awaits_standby)
        << "which may last";
    for (int i = 0; i <= static_cast<int>(Obstacle::commits); ++i)
        EXPECT_EQ(core::is_passing(static_cast<Obstacle>(i)), static_cast<Obstacle>(i) == Obstacle::commits);
}

TEST(LockPriority, HoldersOfWhatItWants) {
    const Model model = {{{wants(session(1), access_exclusive)},
                          {holds(session(2), access_share), holds(session(3), row_exclusive)}}};
    EXPECT_EQ(in_the_way(model), (Found{{2, ends}, {3, ends}}));
    EXPECT_EQ(in_the_way(model, {{3, standing(3, LockPriority::high)}}),
              (Found{{2, ends}, {3, Obstacle::not_lower}}));
}

TEST(LockPriority, ReaderBeforeAWaitingRequestIsInNobodysWay) {
    // A reader, ALTER TABLE behind it, and one that only reads.
    const Model model = {{{wants(session(3), access_exclusive), wants(session(1), access_share)},
                          {holds(session(2), access_share)}}};
    EXPECT_EQ(in_the_way(model), (Found{{3, ends}}));
    EXPECT_EQ(in_the_way(model, {{3, standing(3, LockPriority::high)}}), (Found{{3, Obstacle::not_lower}}))
        << "the reader is not ended for it";
}

TEST(LockPriority, NearestOfAChain) {
    // 1 waits for 2, 2 for 3, each at a lock of its own.
    const Model chain = {{{wants(session(1), exclusive)}, {holds(session(2), exclusive)}},
                         {{wants(session(2), exclusive)}, {holds(session(3), exclusive)}}};
    EXPECT_EQ(in_the_way(chain), (Found{{2, ends}}));
    EXPECT_EQ(in_the_way(chain, {{2, standing(2, LockPriority::high)}}), (Found{{3, ends}}))
        << "the head, since every edge to it is hard";
    EXPECT_EQ(in_the_way(chain, {{2, standing(2, LockPriority::high)}, {3, standing(3, LockPriority::high)}}),
              (Found{{3, Obstacle::not_lower}}));
}

TEST(LockPriority, AnExceptionThatWasPassedIsToldWhereTheWaitStays) {
    const Model chain = {{{wants(session(1), exclusive)}, {holds(session(2), exclusive)}},
                         {{wants(session(2), exclusive)}, {holds(session(3), exclusive)}}};
    Standing denied = standing(2, LockPriority::low);
    denied.session.may_signal = false;
    EXPECT_EQ(in_the_way(chain, {{2, denied}}), (Found{{3, ends}})) << "the wait ends without it";
    EXPECT_EQ(in_the_way(chain, {{2, denied}, {3, standing(3, LockPriority::high)}}),
              (Found{{2, Obstacle::not_permitted}, {3, Obstacle::not_lower}}));
    denied.session.is_protected = true;
    EXPECT_EQ(in_the_way(chain, {{2, denied}, {3, standing(3, LockPriority::high)}}),
              (Found{{2, Obstacle::exempt}, {3, Obstacle::not_lower}}));
}

TEST(LockPriority, BeyondOneThatStaysOnlyOverHardEdges) {
    // 2 holds what 1 wants, and waits only behind the request of 3, which waits for 4.
    const Model model = {{{wants(session(1), exclusive)}, {holds(session(2), exclusive)}},
                         {{wants(session(3), access_exclusive), wants(session(2), access_share)},
                          {holds(session(4), access_share)}}};
    EXPECT_EQ(in_the_way(model, {{2, standing(2, LockPriority::high)}}), (Found{{3, ends}}));
    EXPECT_EQ(in_the_way(model, {{2, standing(2, LockPriority::high)}, {3, standing(3, LockPriority::high)}}),
              (Found{{3, Obstacle::not_lower}}));
}

TEST(LockPriority, PreparedTransactionStays) {
    const core::WaitGraph graph =
        graph_of({{{wants(session(1), exclusive)},
                   {holds(prepared(77), exclusive), holds(session(2), access_share)}}});
    Facts facts(graph);
    const auto found = core::blockers_to_give_way(graph, graph.find(1), waiter_of(LockPriority::high), facts);
    ASSERT_EQ(found.size(), 1u) << "the reader does not block it";
    EXPECT_EQ(found[0].obstacle, Obstacle::prepared);
    EXPECT_EQ(found[0].id, (core::Identity{0, 77}));
}

TEST(LockPriority, LocksOfOtherKinds) {
    const Model chain = {{{wants(session(1), exclusive)}, {holds(session(2), exclusive)}},
                         {{wants(session(2), exclusive)}, {holds(session(3), exclusive)}}};
    EXPECT_EQ(in_the_way(chain, {}, {0}), (Found{{2, Obstacle::lock_kind}}));
    EXPECT_EQ(in_the_way(chain, {{2, standing(2, LockPriority::high)}}, {1}),
              (Found{{3, Obstacle::lock_kind}}));
    EXPECT_EQ(in_the_way(chain, {}, {1}), (Found{{2, ends}})) << "what the nearest waits for is all the same";
}

TEST(LockPriority, Cycles) {
    const Model cycle = {{{wants(session(1), exclusive)}, {holds(session(2), exclusive)}},
                         {{wants(session(2), exclusive)}, {holds(session(1), exclusive)}}};
    EXPECT_EQ(in_the_way(cycle), (Found{{2, ends}}));
    EXPECT_EQ(in_the_way(cycle, {{2, standing(2, LockPriority::high)}}), (Found{{2, Obstacle::cycle}}));
}

TEST(LockPriority, WhoHasJustEndedIsNotInTheWay) {
    const core::WaitGraph graph =
        graph_of({{{wants(session(1), exclusive)}, {holds(session(2), exclusive)}}});
    Facts facts(graph);
    EXPECT_TRUE(
        core::blockers_to_give_way(graph, graph.find(1), waiter_of(LockPriority::high), facts).empty());
}

TEST(LockPriority, SinceTheLastOfWhatLedToIt) {
    const core::LockModes conflicts = conflicts_of(exclusive);
    const core::LockModes held = 1u << exclusive;
    constexpr core::Timestamp minute = core::microseconds_per_second * 60;
    const auto since = [&](core::Timestamp first, core::Timestamp second, core::Timestamp xact_start) {
        const core::WaitGraph graph({{session(1), 0, 0, exclusive, 0, conflicts, first},
                                     {session(2), 0, -1, 0, held, 0, 0},
                                     {session(2), 1, 0, exclusive, 0, conflicts, second},
                                     {session(3), 1, -1, 0, held, 0, 0}},
                                    {});
        Facts facts(graph);
        facts.standings[2] = standing(2, LockPriority::high);
        facts.standings[3] = standing(3, LockPriority::low);
        facts.standings[3].session.xact_start = xact_start;
        return core::blockers_to_give_way(graph, 0, waiter_of(LockPriority::high), facts)[0].since;
    };
    EXPECT_EQ(since(100, 50, 10), 100 - minute) << "the wait itself";
    EXPECT_EQ(since(100, 150, 10), 150 - minute) << "the wait of one in between";
    EXPECT_EQ(since(100, 150, 150), 150 - minute);
    EXPECT_EQ(since(100, 150, 170), 0) << "the blocker's transaction is later: not known on that clock";
}

TEST(LockPriority, SinceTheLaterOfTwoWaitsForTheSame) {
    const core::LockModes conflicts = conflicts_of(exclusive);
    const core::LockModes held = 1u << exclusive;
    const core::WaitGraph graph({{session(1), 0, 0, exclusive, 0, conflicts, 100},
                                 {session(2), 0, -1, 0, held, 0, 0},
                                 {session(1), 1, 0, exclusive, 0, conflicts, 200}, // a worker of it
                                 {session(2), 1, -1, 0, held, 0, 0}},
                                {});
    Facts facts(graph);
    facts.standings[2] = standing(2, LockPriority::low);
    const auto found = core::blockers_to_give_way(graph, 0, waiter_of(LockPriority::high), facts);
    ASSERT_EQ(found.size(), 1u) << "one blocker, once";
    EXPECT_EQ(found[0].since, 200 - core::microseconds_per_second * 60);
}

TEST(LockPriority, NearestBlockerOfAWaitThatNobodyIsEndedFor) {
    const core::WaitGraph graph =
        graph_of({{{wants(session(4), exclusive), wants(session(3), exclusive), wants(session(1), exclusive)},
                   {holds(session(2), exclusive)}},
                  {{wants(session(5), exclusive)}, {holds(prepared(77), exclusive)}}});
    const auto found = core::nearest_blocker(graph, graph.find(1), 100);
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0].id, (core::Identity{3, 0})) << "in the queue, just before it";
    EXPECT_EQ(found[0].obstacle, Obstacle::lock_kind);
    EXPECT_EQ(found[0].since, 100);
    EXPECT_EQ(core::nearest_blocker(graph, graph.find(5), 100)[0].id, (core::Identity{0, 77}));
    EXPECT_TRUE(core::nearest_blocker(graph, graph.find(2), 100).empty()) << "it does not wait";
}

TEST(LockPriority, OnlyOfALowerPriorityMoreIsAsked) {
    EXPECT_TRUE(core::has_lower_priority(waiter_of(LockPriority::high), standing(2, LockPriority::normal)));
    EXPECT_FALSE(core::has_lower_priority(waiter_of(LockPriority::high), standing(2, LockPriority::high)));
    EXPECT_FALSE(core::has_lower_priority(waiter_of(LockPriority::high), standing(2, std::nullopt)));
}

TEST(LockPriority, EverythingHasAName) {
    EXPECT_STREQ(core::lock_priority_name(LockPriority::low), "low");
    EXPECT_STREQ(core::lock_priority_name(LockPriority::normal), "normal");
    EXPECT_STREQ(core::lock_priority_name(LockPriority::high), "high");
    std::set<std::string> texts;
    for (int i = 0; i <= static_cast<int>(Obstacle::commits); ++i)
        EXPECT_TRUE(texts.insert(core::obstacle_text(static_cast<Obstacle>(i))).second);
}

} // namespace sessionctl::test
