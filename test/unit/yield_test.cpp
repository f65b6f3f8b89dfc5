// Which waits for a lock keep others waiting, and for how long they may.
#include "core/locks/yield.hpp"
#include "lock_model.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::LockWait;
using core::Timestamp;

namespace {

constexpr Timestamp millisecond = core::microseconds_per_millisecond;

using Parties = core::vector<core::Party>;

/// By the request of session 1, in the first lock of the model.
bool keeps_somebody_waiting(const ModelLock& lock, const Parties& yielding = {session(1)}) {
    const core::WaitGraph graph = graph_of({lock});
    const core::ProcLock* const all = graph.proclocks().data();
    const auto kept = core::kept_waiting({all, all + graph.proclocks().size()}, yielding);
    return !core::kept_waiting_by(session(1), kept).empty();
}

const ModelLock::Claim reader = holds(session(9), access_share);
const ModelLock::Claim alter = wants(session(1), access_exclusive);

} // namespace

TEST(Yield, a_request_for_all_keeps_those_behind_it_waiting_who_could_go_on) {
    EXPECT_TRUE(keeps_somebody_waiting({{alter, wants(session(2), access_share)}, {reader}}));
    EXPECT_TRUE(keeps_somebody_waiting({{alter, wants(session(2), exclusive)}, {reader}}));
}

TEST(Yield, nobody_is_behind_it) {
    EXPECT_FALSE(keeps_somebody_waiting({{alter}, {reader}}));
    EXPECT_FALSE(keeps_somebody_waiting({{wants(session(2), access_share), alter}, {reader}}));
}

TEST(Yield, those_behind_it_wait_for_the_holder_as_well) {
    const ModelLock::Claim writer = holds(session(9), access_exclusive);
    EXPECT_FALSE(keeps_somebody_waiting({{alter, wants(session(2), access_share)}, {writer}}));
    // One of two is enough.
    const ModelLock::Claim other = holds(session(9), row_exclusive);
    EXPECT_FALSE(keeps_somebody_waiting({{alter, wants(session(2), share)}, {other}}));
    EXPECT_TRUE(
        keeps_somebody_waiting({{alter, wants(session(2), share), wants(session(3), row_share)}, {other}}));
}

TEST(Yield, those_behind_it_wait_for_another_request_as_well) {
    EXPECT_FALSE(keeps_somebody_waiting(
        {{wants(session(2), access_exclusive), alter, wants(session(3), access_share)}, {reader}}));
    EXPECT_FALSE(keeps_somebody_waiting(
        {{alter, wants(session(2), access_exclusive), wants(session(3), access_share)}, {reader}}));
}

TEST(Yield, of_several_that_yield_the_last_one_is_the_first) {
    const ModelLock::Claim query = wants(session(3), access_share);
    const ModelLock::Claim other = wants(session(2), access_exclusive);
    const Parties both = {session(1), session(2)};
    EXPECT_TRUE(keeps_somebody_waiting({{other, alter, query}, {reader}}, both));
    EXPECT_FALSE(keeps_somebody_waiting({{alter, other, query}, {reader}}, both));
    EXPECT_TRUE(keeps_somebody_waiting({{alter, query}, {reader}}, both)) << "when that one has gone";
    EXPECT_FALSE(
        keeps_somebody_waiting({{alter, wants(session(4), access_exclusive), other, query}, {reader}}, both))
        << "a third one does not yield";
    EXPECT_FALSE(
        keeps_somebody_waiting({{other, alter, query}, {holds(session(9), access_exclusive)}}, both));
    EXPECT_FALSE(keeps_somebody_waiting({{alter, query}, {reader}}, {})) << "it does not itself";
}

TEST(Yield, what_its_transaction_holds_is_not_released_for_sure) {
    const ModelLock::Claim upgrade = wants(session(1), access_exclusive, 1u << share);
    EXPECT_FALSE(keeps_somebody_waiting({{upgrade, wants(session(2), row_exclusive)}, {reader}}));
    EXPECT_TRUE(keeps_somebody_waiting({{upgrade, wants(session(2), row_share)}, {reader}}));
}

TEST(Yield, all_who_wait_for_nothing_else) {
    core::ProcLock entries[4] = {};
    const auto entry = [](int pid, int place, int wanted) {
        return core::ProcLock{session(pid), 0, place, wanted, 0, conflicts_of(wanted), 0};
    };
    entries[0] = entry(3, 2, access_share);
    entries[1] = entry(2, 1, access_share);
    entries[2] = entry(1, 0, access_exclusive);
    entries[3] = {session(9), 0, -1, 0, 1u << access_share, 0, 0};
    const auto kept = core::kept_waiting({entries, entries + 4}, {session(1)});
    std::set<const core::ProcLock*> waiters;
    for (const core::KeptWaiting& each : core::kept_waiting_by(session(1), kept))
        waiters.insert(each.waiter);
    EXPECT_EQ(waiters, (std::set<const core::ProcLock*>{&entries[0], &entries[1]}));
    EXPECT_TRUE(core::kept_waiting_by(session(7), kept).empty());
    EXPECT_TRUE(core::kept_waiting({entries, entries}, {}).empty()) << "nobody waits any more";
}

namespace {

/// Nothing but requests that yield is in the way of the waiter, the party's as the last: as plainly as it can
/// be said.
bool is_kept_by(const core::Party& party, const core::ProcLock& waiter, core::ProcLocksOfLock lock,
                const Parties& yielding) {
    const core::ProcLock* last = nullptr;
    for (const core::ProcLock* other = lock.first; other != lock.end; ++other) {
        if (!core::is_block(waiter, *other))
            continue;
        if (core::is_hard_block(waiter, *other) ||
            std::find(yielding.begin(), yielding.end(), other->party) == yielding.end())
            return false;
        if (last == nullptr || other->place > last->place)
            last = other;
    }
    return last != nullptr && last->party == party;
}

/// Some of them, all, or one.
Parties some_of(const core::WaitGraph& graph, unsigned seed) {
    Parties some;
    for (int party = 0; party < graph.count(); ++party)
        if (seed % 7 != 0 ? (seed >> party % 11 & 1) != 0 || seed % 3 == 0 : party == 1)
            some.push_back(graph.party(party));
    return some;
}

} // namespace

TEST(Yield, is_found_in_one_pass_as_by_looking_at_all_pairs) {
    for (unsigned seed = 0; seed < 2000; ++seed) {
        const core::WaitGraph graph = graph_of(random_model(seed, 3 + seed % 13, 2));
        const core::ProcLock* const all = graph.proclocks().data();
        const core::ProcLock* const end = all + graph.proclocks().size();
        for (core::ProcLocksOfLock lock = {all, all}; lock.first != end; lock.first = lock.end) {
            while (lock.end != end && lock.end->lock == lock.first->lock)
                ++lock.end;
            const Parties yielding = some_of(graph, seed);
            const auto kept = core::kept_waiting(lock, yielding);
            for (int party = 0; party < graph.count(); ++party) {
                std::set<const core::ProcLock*> found, expected;
                for (const core::KeptWaiting& each : core::kept_waiting_by(graph.party(party), kept))
                    found.insert(each.waiter);
                for (const core::ProcLock* waiter = lock.first; waiter != lock.end; ++waiter)
                    if (waiter->wanted != 0 && is_kept_by(graph.party(party), *waiter, lock, yielding))
                        expected.insert(waiter);
                EXPECT_EQ(found, expected) << "seed " << seed << ", party " << party;
            }
        }
    }
}

TEST(Yield, members_of_one_parallel_query_are_not_in_each_others_way) {
    // 2 and its worker want the same; between them stands 1.
    EXPECT_TRUE(keeps_somebody_waiting(
        {{wants(session(2), access_share), alter, wants(session(2), access_share)}, {reader}}));
    EXPECT_TRUE(keeps_somebody_waiting(
        {{alter, wants(session(2), access_exclusive), wants(session(2), access_share)}, {}}));
}

class YieldTime : public ::testing::Test {
  protected:
    static constexpr Timestamp nobody = core::YieldMonitor::never;

    /// One look, at a wait that keeps others waiting since then.
    std::optional<Timestamp> look(Timestamp at, Timestamp since, bool gives_up = true) {
        monitor.begin(at);
        const std::optional<Timestamp> waited = monitor.check(wait, 500, since, gives_up);
        monitor.finish();
        return waited;
    }

    core::YieldMonitor monitor;
    const LockWait wait = {{1, 5}, 9, 42};
};

TEST_F(YieldTime, counts_from_the_first_who_waits) {
    EXPECT_FALSE(look(1000 * millisecond, 900 * millisecond));
    EXPECT_EQ(monitor.next_look(), 1400 * millisecond);
    EXPECT_EQ(look(1400 * millisecond, 900 * millisecond), 500 * millisecond);
}

TEST_F(YieldTime, goes_on_when_those_behind_it_change) {
    EXPECT_FALSE(look(1000 * millisecond, 1000 * millisecond));
    EXPECT_FALSE(look(1300 * millisecond, 1290 * millisecond));
    EXPECT_EQ(look(1500 * millisecond, 1490 * millisecond), 500 * millisecond);
}

TEST_F(YieldTime, begins_anew_when_nobody_was_behind_it) {
    EXPECT_FALSE(look(1000 * millisecond, 1000 * millisecond));
    EXPECT_FALSE(look(1300 * millisecond, nobody));
    EXPECT_EQ(monitor.next_look(), core::PatienceMonitor::never);
    EXPECT_FALSE(look(1500 * millisecond, 1400 * millisecond));
    EXPECT_EQ(look(1900 * millisecond, 1400 * millisecond), 500 * millisecond);
}

TEST_F(YieldTime, one_that_goes_on_after_the_cancel_is_cancelled_again) {
    look(1000 * millisecond, 500 * millisecond);
    monitor.cancelled(wait);
    EXPECT_FALSE(look(1400 * millisecond, 500 * millisecond));
    EXPECT_TRUE(look(1500 * millisecond, 500 * millisecond));
}

TEST_F(YieldTime, does_not_count_while_they_waited_for_somebody_else) {
    EXPECT_FALSE(look(1000 * millisecond, nobody)) << "it waits for a holder";
    EXPECT_FALSE(look(9000 * millisecond, nobody));
    EXPECT_FALSE(look(9200 * millisecond, 1010 * millisecond)) << "who has gone now";
    EXPECT_EQ(monitor.next_look(), 9500 * millisecond);
    EXPECT_EQ(look(9500 * millisecond, 1010 * millisecond), 500 * millisecond);
}

TEST_F(YieldTime, is_logged_once) {
    EXPECT_TRUE(look(1000 * millisecond, 500 * millisecond, false));
    EXPECT_TRUE(look(1001 * millisecond, 500 * millisecond, false)) << "until it was";
    monitor.logged(wait);
    EXPECT_FALSE(look(5000 * millisecond, 500 * millisecond, false));
    EXPECT_EQ(monitor.next_look(), core::PatienceMonitor::never);
    EXPECT_TRUE(look(5001 * millisecond, 500 * millisecond)) << "when it is not only to be logged any more";
}

TEST_F(YieldTime, what_is_not_known_is_neither_logged_nor_cancelled) {
    monitor.begin(1000 * millisecond);
    monitor.cancelled(wait);
    monitor.logged(wait);
    monitor.finish();
    EXPECT_FALSE(look(1100 * millisecond, 1050 * millisecond));
}

TEST(Yield, what_the_client_is_told) {
    EXPECT_EQ(
        core::detail_of_yield(2100 * millisecond, 2000),
        "This session's wait for a lock kept others waiting for 2.1 s (pg_sessionctl.yield_after is 2 s).");
}

} // namespace sessionctl::test
