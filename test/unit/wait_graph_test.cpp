#include "core/locks/wait_graph.hpp"
#include "lock_model.hpp"
#include "memory.hpp"
#include "support.hpp"

#include <algorithm>

namespace sessionctl::test {

using core::Party;
using core::WaitGraph;

namespace {

std::set<Party> parties(const WaitGraph& graph, const core::vector<int>& numbers) {
    std::set<Party> found;
    for (const int number : numbers)
        found.insert(graph.party(number));
    EXPECT_EQ(found.size(), numbers.size()) << "each once";
    return found;
}

std::set<Party> sessions(std::initializer_list<int> pids) {
    std::set<Party> found;
    for (const int pid : pids)
        found.insert(session(pid));
    return found;
}

std::set<Party> blockers(const WaitGraph& graph, int pid) {
    return parties(graph, graph.blockers_of(graph.find(pid)));
}

std::set<Party> to_end(const WaitGraph& graph, int pid) {
    return parties(graph, graph.blockers_to_end(graph.find(pid)));
}

int behind(const WaitGraph& graph, int pid) {
    return graph.waiting_behind(graph.find(pid));
}

/// 2 waits for 1, 3 for 2 and so on, each at a lock of its own.
Model chain(int length) {
    Model model;
    for (int pid = 2; pid <= length; ++pid)
        model.push_back(waits_for(pid, pid - 1));
    return model;
}

/// What the plain rules say of a model.
struct Plain {
    explicit Plain(const Model& of)
        : model(of), direct(blockers_in(of)), all(all_blockers_in(of)),
          over_holders(all_blockers_in(of, Rules::holders_only)) {
        for (const auto& [waiter, blockers] : direct)
            for (const Party& blocker : blockers)
                if (direct.count(blocker) == 0)
                    heads.insert(blocker);
    }

    bool is_queued(const Party& party) const {
        const auto is_its = [&party](const ModelLock::Claim& claim) { return claim.party == party; };
        return std::any_of(model.begin(), model.end(), [&](const ModelLock& lock) {
            return std::any_of(lock.queue.begin(), lock.queue.end(), is_its);
        });
    }

    const Model& model;
    Blockers direct;
    Blockers all;
    Blockers over_holders;
    std::set<Party> heads; // they wait for nobody: only a termination ends their locks
};

void expect_right_ends(const WaitGraph& graph, int party, Plain& plain) {
    const Party& self = graph.party(party);
    const std::set<Party> ended = parties(graph, graph.blockers_to_end(party));
    EXPECT_EQ(ended.empty(), plain.direct[self].empty());
    EXPECT_EQ(ended.count(self), 0);
    for (const Party& each : ended) {
        EXPECT_EQ(plain.all[self].count(each), 1) << "it waits for those";
        if (plain.heads.count(each) == 1 && !plain.is_queued(each)) {
            EXPECT_EQ(plain.over_holders[self].count(each), 1)
                << "a head only where it holds what is wanted, on all the way";
        }
    }
    // No remaining root blocks it any longer.
    Blockers left = all_blockers_in(without(plain.model, ended));
    for (const Party& each : left[self])
        EXPECT_EQ(plain.heads.count(each), 0);
}

} // namespace

TEST(WaitGraph, NobodyWaits) {
    const WaitGraph graph = graph_of({});
    EXPECT_EQ(graph.count(), 0);
    EXPECT_EQ(graph.find(1), -1);
    EXPECT_EQ(graph.find(Party{0, 0}), -1);
}

TEST(WaitGraph, HardBlock) {
    const WaitGraph graph =
        graph_of({{{wants(session(2), access_share)}, {holds(session(1), access_exclusive)}}});
    EXPECT_EQ(blockers(graph, 2), sessions({1}));
    EXPECT_EQ(blockers(graph, 1), sessions({}));
    EXPECT_EQ(behind(graph, 1), 1);
    EXPECT_EQ(behind(graph, 2), 0);
    EXPECT_EQ(to_end(graph, 2), sessions({1}));
    EXPECT_EQ(to_end(graph, 1), sessions({}));
}

TEST(WaitGraph, SoftBlockOnlyFromFurtherUpTheQueue) {
    const WaitGraph graph = graph_of(
        {{{wants(session(2), access_exclusive), wants(session(3), access_share), wants(session(4), share)},
          {holds(session(1), access_share)}}});
    EXPECT_EQ(blockers(graph, 2), sessions({1}));
    EXPECT_EQ(blockers(graph, 3), sessions({2}));
    EXPECT_EQ(blockers(graph, 4), sessions({2})) << "3 stands before it, but asks for nothing that conflicts";
    EXPECT_EQ(behind(graph, 1), 3);
    EXPECT_EQ(to_end(graph, 2), sessions({1}));
    EXPECT_EQ(to_end(graph, 3), sessions({2})) << "1 is in nobody's way but that of 2";
    EXPECT_EQ(to_end(graph, 4), sessions({2}));
}

TEST(WaitGraph, OnAPathOfHoldersTheNearestRequestIsTheOneToEnd) {
    // 2 waits behind reader 1; 3 stands behind 2 and holds what 4 wants.
    const WaitGraph graph = graph_of({{{wants(session(2), access_exclusive), wants(session(3), access_share)},
                                       {holds(session(1), access_share)}},
                                      waits_for(4, 3)});
    EXPECT_EQ(to_end(graph, 4), sessions({2}));
}

TEST(WaitGraph, AHolderAndARequest) {
    // 3 wants what 9 holds, and stands behind 2, who waits for both 9 and reader 1.
    const WaitGraph graph = graph_of({{{wants(session(2), access_exclusive), wants(session(3), share)},
                                       {holds(session(1), access_share), holds(session(9), row_exclusive)}}});
    EXPECT_EQ(to_end(graph, 3), sessions({2, 9})) << "without 2 it would wait for 9, without 9 for 2";
}

TEST(WaitGraph, AQueueThatGoesOnByItselfIsLeftAlone) {
    // For one row: 2 has it next and waits for transaction 1; 3, 4, 5 wait for 2, one behind the other.
    const WaitGraph graph =
        graph_of({{{wants(session(2), share)}, {holds(session(1), exclusive)}},
                  {{wants(session(3), access_exclusive), wants(session(4), access_exclusive),
                    wants(session(5), access_exclusive)},
                   {holds(session(2), access_exclusive)}}});
    EXPECT_EQ(to_end(graph, 5), sessions({1}));
}

TEST(WaitGraph, SeveralRequests) {
    const WaitGraph graph = graph_of({{{wants(session(2), access_exclusive), wants(session(3), exclusive),
                                        wants(session(4), access_share), wants(session(5), row_share)},
                                       {holds(session(1), access_share)}}});
    EXPECT_EQ(to_end(graph, 4), sessions({2}));
    EXPECT_EQ(to_end(graph, 5), sessions({2, 3}));
    EXPECT_EQ(to_end(graph, 3), sessions({2})) << "1 is not in its way";
}

TEST(WaitGraph, ACycleOfRequests) {
    // 1 stands before 2 at one lock, 2 before 1 at the other (through their workers); 3 waits for 2.
    const WaitGraph graph = graph_of({{{wants(session(1), exclusive), wants(session(2), exclusive)}, {}},
                                      {{wants(session(2), exclusive), wants(session(1), exclusive)}, {}},
                                      waits_for(3, 2)});
    EXPECT_EQ(to_end(graph, 1), sessions({2}));
    EXPECT_EQ(to_end(graph, 2), sessions({1})) << "never itself";
    EXPECT_EQ(to_end(graph, 3), sessions({2}));
}

namespace {

/// "2:3": the request of 2 alone blocks three.
std::string requests(const Model& model) {
    const WaitGraph graph = graph_of(model);
    const core::vector<int> blocked = graph.blocked_by_request();
    std::map<int, int> found;
    for (std::size_t i = 0; i < blocked.size(); ++i)
        if (blocked[i] > 0)
            found[graph.proclocks()[i].party.pid] = blocked[i];
    std::string text;
    for (const auto& [pid, count] : found)
        text += (text.empty() ? "" : " ") + std::to_string(pid) + ":" + std::to_string(count);
    return text;
}

} // namespace

TEST(WaitGraph, BlockedByARequest) {
    const auto reads = holds(session(1), access_share);
    EXPECT_EQ(requests({{{wants(session(2), access_exclusive)}, {reads}}}), "") << "nobody stands behind it";
    EXPECT_EQ(requests({{{wants(session(2), access_exclusive), wants(session(3), access_share),
                          wants(session(4), row_share)},
                         {reads}}}),
              "2:2");
    EXPECT_EQ(requests({{{wants(session(2), access_exclusive), wants(session(3), share)},
                         {reads, holds(session(9), row_exclusive)}}}),
              "")
        << "3 would wait for 9 without it as well";
    EXPECT_EQ(requests({{{wants(session(2), access_exclusive), wants(session(3), access_exclusive),
                          wants(session(4), access_share)},
                         {reads}}}),
              "2:1 3:1")
        << "both of them block 4; 3 waits for 1, who holds what it wants";
    EXPECT_EQ(requests({{{wants(session(2), access_exclusive), wants(session(3), access_share),
                          wants(session(4), row_share), wants(session(3), access_share)},
                         {reads}}}),
              "2:2")
        << "each session once";
    EXPECT_EQ(requests({{{wants(session(2), exclusive), wants(session(3), exclusive)},
                         {holds(session(1), exclusive)}}}),
              "")
        << "a queue for one row";
}

TEST(WaitGraph, WaiterMayAlsoHold) {
    const WaitGraph graph = graph_of(
        {{{wants(session(1), access_exclusive, 1u << access_share), wants(session(3), access_exclusive)},
          {holds(session(2), access_share)}}});
    EXPECT_EQ(blockers(graph, 1), sessions({2})) << "not itself";
    EXPECT_EQ(blockers(graph, 3), sessions({1, 2}));
    EXPECT_EQ(to_end(graph, 3), sessions({2}));
}

TEST(WaitGraph, HolderBehindInTheQueueStillBlocks) {
    const WaitGraph graph =
        graph_of({{{wants(session(1), exclusive), wants(session(2), exclusive, 1u << share)}, {}}});
    EXPECT_EQ(blockers(graph, 1), sessions({2}));
}

TEST(WaitGraph, ParallelGroupIsItsLeader) {
    // 2 and 3 work for 1; the model has them under its name already.
    const WaitGraph graph = graph_of({{{wants(session(1), access_share), wants(session(1), exclusive)},
                                       {holds(session(1), access_exclusive), holds(session(9), exclusive)}}},
                                     {{3, 1}, {2, 1}});
    EXPECT_EQ(graph.find(2), graph.find(1));
    EXPECT_EQ(graph.find(3), graph.find(1));
    EXPECT_EQ(blockers(graph, 3), sessions({9})) << "members of a group do not block each other";
    EXPECT_EQ(behind(graph, 9), 1) << "they are one session";
}

TEST(WaitGraph, PreparedTransactionsAreDifferentParties) {
    const WaitGraph graph =
        graph_of({{{wants(session(1), exclusive)}, {holds(prepared(7), share), holds(prepared(8), share)}}});
    EXPECT_EQ(blockers(graph, 1), (std::set<Party>{prepared(7), prepared(8)}));
    EXPECT_EQ(to_end(graph, 1), (std::set<Party>{prepared(7), prepared(8)}));
    EXPECT_EQ(graph.waiting_behind(graph.find(prepared(8))), 1);
}

TEST(WaitGraph, TwoRoots) {
    Model model = chain(3);
    model[0].holders.push_back(holds(session(9), exclusive));
    const WaitGraph graph = graph_of(model);
    EXPECT_EQ(to_end(graph, 3), sessions({1, 9}));
    EXPECT_EQ(to_end(graph, 2), sessions({1, 9}));
}

TEST(WaitGraph, ACycleHasTheNearestAsItsRoot) {
    // 1 and 2 wait for each other, 3 for 2, 4 for 3.
    const WaitGraph graph = graph_of({waits_for(1, 2), waits_for(2, 1), waits_for(3, 2), waits_for(4, 3)});
    EXPECT_EQ(to_end(graph, 4), sessions({2}));
    EXPECT_EQ(to_end(graph, 1), sessions({2}));
    EXPECT_EQ(to_end(graph, 2), sessions({1})) << "never itself";
    EXPECT_EQ(behind(graph, 1), 3);
    EXPECT_EQ(behind(graph, 2), 3);
    EXPECT_EQ(behind(graph, 3), 1);
}

TEST(WaitGraph, ACycleThatWaitsForSomebodyElseIsNoRoot) {
    const WaitGraph graph =
        graph_of({waits_for(1, 2),
                  {{wants(session(2), exclusive)}, {holds(session(1), share), holds(session(9), share)}}});
    EXPECT_EQ(to_end(graph, 1), sessions({9}));
    EXPECT_EQ(behind(graph, 9), 2);
}

TEST(WaitGraph, LongChain) {
    const WaitGraph graph = graph_of(chain(20000));
    EXPECT_EQ(to_end(graph, 20000), sessions({1}));
    EXPECT_EQ(behind(graph, 1), 19999);
    EXPECT_EQ(behind(graph, 10000), 10000);
}

TEST(WaitGraph, LongQueue) {
    Model model(1);
    model[0].holders.push_back(holds(session(1), exclusive));
    for (int pid = 2; pid <= 2000; ++pid)
        model[0].queue.push_back(wants(session(pid), exclusive));
    const WaitGraph graph = graph_of(model);
    EXPECT_EQ(graph.blockers_of(graph.find(2000)).size(), 1999);
    EXPECT_EQ(behind(graph, 1), 1999);
    EXPECT_EQ(behind(graph, 1000), 1000);
}

TEST(WaitGraph, AgreesWithThePlainRules) {
    for (unsigned seed = 0; seed < 3000; ++seed) {
        SCOPED_TRACE(seed);
        const Model model = random_model(seed, 2 + seed % 17, 1 + seed % 7);
        const WaitGraph graph = graph_of(model);
        Plain plain(model);
        for (int party = 0; party < graph.count(); ++party) {
            const Party& self = graph.party(party);
            EXPECT_EQ(parties(graph, graph.blockers_of(party)), plain.direct[self]);
            std::set<Party> behind;
            for (const auto& [waiter, blockers] : plain.all)
                if (blockers.count(self) > 0)
                    behind.insert(waiter);
            EXPECT_EQ(parties(graph, graph.behind(party)), behind);
            EXPECT_EQ(graph.waiting_behind(party), static_cast<int>(behind.size()));
            expect_right_ends(graph, party, plain);
        }
    }
}

TEST(WaitGraph, WithoutMemoryNothingHalfDoneIsKept) {
    bool is_enough = false;
    for (std::size_t allocations = 0; !is_enough; ++allocations) {
        const WaitGraph graph = graph_of(chain(70));
        try {
            const MemoryExhausted exhausted(allocations);
            graph.waiting_behind(0);
            is_enough = true;
        } catch (const std::bad_alloc&) {
        }
        EXPECT_EQ(behind(graph, 1), 69) << "after " << allocations;
    }
}

TEST(WaitGraph, NoSuchParty) {
    const WaitGraph graph = graph_of(chain(2));
    for (const int party : {-1, 2}) {
        EXPECT_STREQ(error_of([&] { graph.party(party); }).sqlstate(), "XX000");
        EXPECT_STREQ(error_of([&] { graph.waiting_behind(party); }).sqlstate(), "XX000");
        EXPECT_STREQ(error_of([&] { graph.blockers_of(party); }).sqlstate(), "XX000");
    }
}

} // namespace sessionctl::test
