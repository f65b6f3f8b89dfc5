#include "admission_fixture.hpp"

#include <algorithm>

namespace sessionctl::test {

namespace {

using core::EvictionCandidate;

class EvictionTest : public AdmissionServer {
  protected:
    /// The victims of a login that waits, in the order in which they were chosen.
    std::vector<int> victims_of(int place, const std::vector<EvictionCandidate>& candidates) const {
        const core::Victims victims =
            core::choose_victims(places_, place, admission_.shortage_of(place, now_), candidates.data(),
                                 static_cast<int>(candidates.size()), now_);
        return {victims.places, victims.places + victims.count};
    }

    int excess(int limit, const std::vector<EvictionCandidate>& candidates) const {
        return core::choose_excess(places_, limit, candidates.data(), static_cast<int>(candidates.size()));
    }

    int longest(const std::vector<EvictionCandidate>& candidates, core::Timestamp idle_for) const {
        return core::choose_longest_idle(places_, candidates.data(), static_cast<int>(candidates.size()),
                                         idle_for);
    }
};

const std::vector<int> nobody;

} // namespace

TEST_F(EvictionTest, TheLongestIdleGoes) {
    set(limit_of(3, WhenFull::evict));
    const int a = admitted(login_by(1));
    const int b = admitted(login_by(2));
    const int c = admitted(login_by(3));
    const int place = waiting(login_by(4));
    EXPECT_EQ(victims_of(place, {idle(a, 2 * minute), idle(b, hour), idle(c, 3 * minute)}),
              std::vector<int>{b});
    EXPECT_EQ(victims_of(place, {idle(a, 2 * minute), idle(c, 3 * minute)}), std::vector<int>{c});
    EXPECT_EQ(victims_of(place, {}), nobody);
}

TEST_F(EvictionTest, OnlyWhoHasBeenIdleForLongEnough) {
    SessionLimit limit = limit_of(1, WhenFull::evict);
    set(limit);
    const int session = admitted(login_by(1));
    const int place = waiting(login_by(2));
    EXPECT_EQ(victims_of(place, {idle(session, minute - 1)}), nobody);
    EXPECT_EQ(victims_of(place, {idle(session, minute)}), std::vector<int>{session});
    limit.evict_idle_for = 0;
    set(limit);
    EXPECT_EQ(victims_of(place, {idle(session, 0)}), std::vector<int>{session});
}

TEST_F(EvictionTest, OnlyWhoMayGo) {
    set(limit_of(1, WhenFull::evict));
    const int session = admitted(login_by(1));
    const int place = waiting(login_by(2));
    const EvictionCandidate free = idle(session, hour);
    EXPECT_EQ(victims_of(place, {free}), std::vector<int>{session});
    EvictionCandidate candidate = free;
    candidate.is_idle = false;
    EXPECT_EQ(victims_of(place, {candidate}), nobody) << "in a transaction";
    candidate = free;
    candidate.is_spared = true;
    EXPECT_EQ(victims_of(place, {candidate}), nobody);
    candidate = free;
    candidate.keeps_state = true;
    EXPECT_EQ(victims_of(place, {candidate}), nobody) << "it would lose something";
    candidate = free;
    ++candidate.id.start;
    EXPECT_EQ(victims_of(place, {candidate}), nobody) << "another session has its place";
    end(session);
    now_ += core::longest_wait_for_end;
    EXPECT_EQ(answer(place), Verdict::Answer::evict);
    EXPECT_EQ(victims_of(place, {free}), nobody) << "it goes by itself";
}

TEST_F(EvictionTest, NobodyIsEvictedForTwo) {
    set(limit_of(2, WhenFull::evict));
    const int a = admitted(login_by(1));
    const int b = admitted(login_by(1));
    const std::vector<EvictionCandidate> both = {idle(a, 2 * hour), idle(b, hour)};
    const int one = waiting(login_by(2));
    admission_.evict(one, a);
    const int other = waiting(login_by(3));
    EXPECT_EQ(victims_of(one, both), nobody) << "it lacks nothing";
    EXPECT_EQ(victims_of(other, both), std::vector<int>{b});
    admission_.evict(other, b);
    EXPECT_EQ(victims_of(waiting(login_by(4)), both), nobody);
}

TEST_F(EvictionTest, OnlyWhoTheLimitCountsWithTheLogin) {
    SessionLimit limit = limit_of_role(2, 1, WhenFull::evict);
    limit.key.per = LimitPer::application;
    set(limit);
    const int web = admitted(login_by(1, "web"));
    const int job = admitted(login_by(1, "job"));
    const int other = admitted(login_by(2, "web"));
    admitted(login_by(1, "web"));
    const int place = waiting(login_by(1, "web"));
    EXPECT_EQ(victims_of(place, {idle(job, day), idle(other, day)}), nobody);
    EXPECT_EQ(victims_of(place, {idle(job, day), idle(other, day), idle(web, hour)}), std::vector<int>{web});
}

TEST_F(EvictionTest, OneThatMakesRoomInTwoLimitsIsPreferred) {
    set(limit_of(3, WhenFull::evict));
    set(limit_of_role(1, 1, WhenFull::evict));
    const int both = admitted(login_by(1));
    const int a = admitted(login_by(2));
    admitted(login_by(3));
    const int place = waiting(login_by(1));
    EXPECT_EQ(victims_of(place, {idle(a, day), idle(both, hour)}), std::vector<int>{both});
    EXPECT_EQ(victims_of(place, {idle(both, hour), idle(a, day)}), std::vector<int>{both});
}

TEST_F(EvictionTest, AllThatItIsShortOfOrNobody) {
    SessionLimit per_database = limit_of(1, WhenFull::evict);
    per_database.key.per = LimitPer::database;
    set(per_database);
    set(limit_of_role(1, 1, WhenFull::evict));
    const int of_role = admitted(login_by(1, "web", 6));
    const int of_database = admitted(login_by(2, "web", 5));
    const int place = waiting(login_by(1, "web", 5));
    EXPECT_EQ(victims_of(place, {idle(of_role, day)}), nobody) << "the database would still be full";
    EXPECT_EQ(victims_of(place, {idle(of_database, day)}), nobody);
    std::vector<int> victims = victims_of(place, {idle(of_role, day), idle(of_database, hour)});
    std::sort(victims.begin(), victims.end());
    EXPECT_EQ(victims, (std::vector<int>{of_role, of_database}));
}

TEST_F(EvictionTest, SeveralWhereTheLimitWasLowered) {
    set(limit_of(10, WhenFull::evict));
    std::vector<EvictionCandidate> candidates;
    for (int i = 0; i < 10; ++i)
        candidates.push_back(idle(admitted(login_by(1)), hour + i));
    set(limit_of(3, WhenFull::evict));
    std::vector<int> victims = victims_of(waiting(login_by(1)), candidates);
    std::sort(victims.begin(), victims.end());
    std::vector<int> longest; // the first two have been idle for less
    for (int i = 2; i < 10; ++i)
        longest.push_back(candidates[i].place);
    EXPECT_EQ(victims, longest);
    set(limit_of(2, WhenFull::evict));
    EXPECT_EQ(victims_of(waiting(login_by(1)), candidates), nobody) << "more than a login may end";
}

TEST_F(EvictionTest, TwoLimitsDoNotHaveTheirClientsEvictEachOther) {
    set(limit_of(1, WhenFull::evict));
    set(limit_of_role(5, 1, WhenFull::evict));
    set(limit_of_role(5, 2, WhenFull::evict));
    const int first = admitted(login_by(1));
    const int second = waiting(login_by(2));
    admission_.evict(second, first);
    gone(first);
    admission_.admit(second, now_);
    const int back = waiting(login_by(1));
    const EvictionCandidate candidate = idle(second, hour);
    EXPECT_EQ(victims_of(back, {candidate}), nobody) << "it was thrown out for this one";
    EXPECT_EQ(victims_of(waiting(login_by(2)), {candidate}), std::vector<int>{second}) << "of its own kind";
    now_ += core::settled_after;
    EXPECT_EQ(victims_of(waiting(login_by(1)), {candidate}), std::vector<int>{second});
}

TEST_F(EvictionTest, OfItsOwnKindTheLongestIdleAlwaysGoes) {
    SessionLimit limit = limit_of(1, WhenFull::evict);
    limit.key.per = LimitPer::role;
    limit.evict_idle_for = 0;
    set(limit);
    int session = admitted(login_by(1));
    for (int i = 0; i < 20; ++i) {
        const int place = waiting(login_by(1));
        EXPECT_EQ(victims_of(place, {idle(session, 1)}), std::vector<int>{session});
        admission_.evict(place, session);
        gone(session);
        admission_.admit(place, now_);
        session = place;
    }
}

TEST_F(EvictionTest, TheExcessGoesAsFarAsItCan) {
    SessionLimit limit = limit_of(4, WhenFull::evict);
    limit.key.per = LimitPer::role;
    set(limit);
    std::vector<EvictionCandidate> candidates;
    for (int i = 0; i < 4; ++i)
        candidates.push_back(idle(admitted(login_by(1)), hour + i));
    for (int i = 0; i < 2; ++i)
        candidates.push_back(idle(admitted(login_by(2)), day + i));
    limit.sessions = 2;
    const int number = set(limit);
    for (const int expected : {candidates[3].place, candidates[2].place}) {
        const int victim = excess(number, candidates);
        EXPECT_EQ(victim, expected) << "not one of the role that is within the limit";
        ASSERT_GE(victim, 0);
        places_[victim].evictor = core::evicted_for_all;
    }
    EXPECT_EQ(excess(number, candidates), -1);
    places_[candidates[3].place].evictor = core::no_evictor; // it was not idle any more
    candidates[3].is_idle = false;
    EXPECT_EQ(excess(number, candidates), candidates[1].place);
    candidates[1].idle_for = candidates[0].idle_for = minute - 1;
    EXPECT_EQ(excess(number, candidates), -1);
}

TEST_F(EvictionTest, TheExcessIsOfThoseThatTheLimitCounts) {
    const int number = set(limit_of_role(0, 1, WhenFull::evict));
    const int counted = admitted(login_by(1));
    const int other = admitted(login_by(2));
    EXPECT_EQ(excess(number, {idle(other, day), idle(counted, hour)}), counted);
    EXPECT_EQ(excess(number, {idle(other, day)}), -1);
}

TEST_F(EvictionTest, WhoIsEndedForAllMakesRoomForWhoeverWaits) {
    set(limit_of(1, WhenFull::wait));
    const int session = admitted(login_by(1));
    const int place = waiting(login_by(2));
    places_[session].evictor = core::evicted_for_all;
    EXPECT_EQ(answer(place), Verdict::Answer::wait);
    gone(session);
    EXPECT_TRUE(places_[place].owned.is_empty());
    EXPECT_EQ(answer(place), Verdict::Answer::admit);
}

TEST_F(EvictionTest, ForAFreeSlotTheLongestIdleOfAllGoes) {
    const int a = admitted(login_by(1));
    const int b = admitted(login_by(2));
    std::vector<EvictionCandidate> candidates = {idle(a, 2 * minute), idle(b, hour)};
    EXPECT_EQ(longest(candidates, minute), b);
    candidates[1].is_spared = true;
    EXPECT_EQ(longest(candidates, minute), a);
    EXPECT_EQ(longest(candidates, 3 * minute), -1);
    places_[a].evictor = core::evicted_for_all;
    EXPECT_EQ(longest(candidates, minute), -1);
}

} // namespace sessionctl::test
