#include "core/locks/blocking_tree.hpp"
#include "lock_model.hpp"
#include "support.hpp"

#include <algorithm>

namespace sessionctl::test {

using core::Branch;
using core::WaitGraph;

namespace {

std::string name(const core::Party& party) {
    return party.is_prepared() ? "x" + std::to_string(party.xid) : std::to_string(party.pid);
}

/// "1 .2 ..3": a dot for each step to the right; "cycle" heads one; "2*3": the request of 2 alone blocks
/// three.
std::string drawn(const WaitGraph& graph) {
    std::string text;
    for (const Branch& branch : core::blocking_tree(graph)) {
        text += (text.empty() ? "" : " ") + std::string(branch.depth, '.');
        text += branch.cycle_size > 0 ? "cycle" + std::to_string(branch.cycle_size)
                                      : name(graph.party(branch.party));
        for (const int other : branch.holders)
            text += "+" + name(graph.party(other));
        if (branch.queued > 0)
            text += "~" + std::to_string(branch.queued);
        if (branch.blocked_by_request > 0)
            text += "*" + std::to_string(branch.blocked_by_request);
    }
    return text;
}

std::string drawn(const Model& model) {
    return drawn(graph_of(model));
}

} // namespace

TEST(BlockingTree, Empty) {
    EXPECT_EQ(drawn(Model()), "");
}

TEST(BlockingTree, EndedWaitIsNotShown) {
    EXPECT_EQ(drawn({{{wants(session(2), share)}, {holds(session(1), share)}}}), "");
}

TEST(BlockingTree, RootsWithMostWaitersFirst) {
    EXPECT_EQ(drawn({waits_for(2, 1), waits_for(4, 3), waits_for(5, 4)}), "3 .4 ..5 1 .2");
}

TEST(BlockingTree, RowLockQueue) {
    // 2 has the tuple and waits for transaction 1; the others wait for the tuple.
    EXPECT_EQ(
        drawn({{{wants(session(2), share)}, {holds(session(1), exclusive)}},
               {{wants(session(3), exclusive), wants(session(4), exclusive), wants(session(5), exclusive)},
                {holds(session(2), exclusive)}}}),
        "1 .2 ..3 ..4~1 ..5~2");
}

TEST(BlockingTree, ListedUnderTheForemostRequestIfNobodyHoldsTheLock) {
    EXPECT_EQ(drawn({{{wants(session(2), access_exclusive), wants(session(3), access_share),
                       wants(session(4), access_exclusive), wants(session(5), access_share)},
                      {holds(session(1), access_share)}}}),
              "1 .2*2 ..3 ..5~1 .4~2*1");
}

TEST(BlockingTree, TwoHolders) {
    EXPECT_EQ(drawn({{{wants(session(3), exclusive)}, {holds(session(1), share), holds(session(2), share)}},
                     {{wants(session(4), exclusive)}, {holds(session(2), share)}}}),
              "2 .3+1 .4 1");
}

TEST(BlockingTree, PreparedTransaction) {
    EXPECT_EQ(
        drawn({{{wants(session(3), exclusive)}, {holds(prepared(9), share), holds(session(2), share)}}}),
        "x9 .3+2 2");
}

TEST(BlockingTree, Cycle) {
    EXPECT_EQ(drawn({waits_for(1, 2), waits_for(2, 1), waits_for(3, 2)}), "cycle2 .1+2 ..2 ...3");
}

TEST(BlockingTree, CycleBehindARoot) {
    EXPECT_EQ(drawn({waits_for(1, 2),
                     {{wants(session(2), exclusive)}, {holds(session(1), share), holds(session(9), share)}}}),
              "9 .2+1 ..1");
}

TEST(BlockingTree, LongestWaitFirst) {
    WaitGraph::ProcLocks proclocks;
    const auto waiter = [&proclocks](int pid, int place, core::Timestamp since) {
        proclocks.push_back({session(pid), 0, place, share, 0, conflicts_of(share), since});
    };
    waiter(5, 3, 0);
    waiter(4, 2, 30);
    waiter(3, 1, 10);
    waiter(2, 0, 20);
    proclocks.push_back({session(1), 0, -1, 0, 1u << exclusive, 0, 0});
    const WaitGraph graph(std::move(proclocks), {});
    EXPECT_EQ(drawn(graph), "1 .3 .2 .4 .5");
    EXPECT_EQ(core::waiting_since(graph, graph.find(2)), 20);
    EXPECT_EQ(core::waiting_since(graph, graph.find(1)), 0);
}

TEST(BlockingTree, WaitsForNoLock) {
    WaitGraph::ProcLocks proclocks;
    core::add_non_lock_wait(proclocks, 0, 3, {2, 1});
    core::add_non_lock_wait(proclocks, 1, 5, {});
    core::add_non_lock_wait(proclocks, 2, 2, {4});
    const WaitGraph graph(std::move(proclocks), {});
    EXPECT_EQ(drawn(graph), "4 .2 ..3+1 1 5");
}

TEST(BlockingTree, WaitForNoLockWithAWaiterBehindIt) {
    WaitGraph::ProcLocks proclocks;
    proclocks.push_back({session(2), 0, 0, share, 0, conflicts_of(share), 0});
    proclocks.push_back({session(1), 0, -1, 0, 1u << exclusive, 0, 0});
    core::add_non_lock_wait(proclocks, 1, 1, {});
    EXPECT_EQ(drawn(WaitGraph(std::move(proclocks), {})), "1 .2");
}

TEST(BlockingTree, LongChain) {
    Model model;
    for (int pid = 2; pid <= 20000; ++pid)
        model.push_back(waits_for(pid, pid - 1));
    EXPECT_EQ(core::blocking_tree(graph_of(model)).size(), 20000);
}

// In any graph: every waiter is listed once, under one of its blockers.
TEST(BlockingTree, IsComplete) {
    for (unsigned seed = 0; seed < 3000; ++seed) {
        SCOPED_TRACE(seed);
        const Model model = random_model(seed, 2 + seed % 17, 1 + seed % 7);
        const WaitGraph graph = graph_of(model);
        Blockers direct = blockers_in(model);
        std::set<core::Party> shown;
        for (const Branch& branch : core::blocking_tree(graph)) {
            if (branch.cycle_size > 0)
                continue;
            const core::Party& party = graph.party(branch.party);
            EXPECT_TRUE(shown.insert(party).second) << name(party) << " twice";
            const auto others = branch.holders.size() + branch.queued + (branch.parent >= 0 ? 1 : 0);
            EXPECT_EQ(direct[party].size(), others) << "all who are in its way, each once";
            if (branch.parent >= 0) {
                EXPECT_EQ(direct[party].count(graph.party(branch.parent)), 1);
                EXPECT_EQ(shown.count(graph.party(branch.parent)), 1);
            } else if (branch.depth == 0) {
                EXPECT_TRUE(direct[party].empty()) << name(party) << " waits";
            }
        }
        for (const auto& [waiter, blockers] : direct)
            EXPECT_TRUE(blockers.empty() || shown.count(waiter) == 1) << name(waiter);
    }
}

} // namespace sessionctl::test
