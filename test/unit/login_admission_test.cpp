#include "admission_fixture.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace sessionctl::test {

namespace {

using LoginAdmissionTest = AdmissionServer;
using Answer = Verdict::Answer;

} // namespace

TEST_F(LoginAdmissionTest, WithoutLimitsEverybodyComesIn) {
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::admit);
}

TEST_F(LoginAdmissionTest, AFullLimitRefuses) {
    const int number = set(limit_of_role(2, test_role));
    admitted(login_by(test_role));
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::admit);
    admitted(login_by(test_role));
    const Verdict verdict = decide(enter(login_by(test_role)));
    EXPECT_EQ(verdict.answer, Answer::refuse);
    EXPECT_EQ(verdict.because, core::RefusedBecause::full);
    EXPECT_EQ(verdict.limit, number);
    EXPECT_EQ(verdict.connected, 2);
    EXPECT_EQ(answer(enter(login_by(7))), Answer::admit) << "it is not counted";
}

TEST_F(LoginAdmissionTest, ZeroSessionsAreNone) {
    for (const WhenFull when_full : {WhenFull::refuse, WhenFull::evict}) {
        set(limit_of(0, when_full));
        EXPECT_EQ(answer(enter(login_by(test_role))), Answer::refuse);
    }
    set(limit_of(0, WhenFull::wait));
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::wait) << "until the limit is another";
}

TEST_F(LoginAdmissionTest, AllLimitsHaveToHaveRoom) {
    set(limit_of(100));
    const int role = set(limit_of_role(1, test_role));
    admitted(login_by(test_role));
    EXPECT_EQ(decide(enter(login_by(test_role))).limit, role);
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::refuse);
}

TEST_F(LoginAdmissionTest, PerIsALimitForEachValue) {
    SessionLimit limit = limit_of(1);
    limit.key.per = LimitPer::application;
    set(limit);
    admitted(login_by(test_role, "web"));
    EXPECT_EQ(answer(enter(login_by(test_role, "web"))), Answer::refuse);
    EXPECT_EQ(answer(enter(login_by(test_role, "job"))), Answer::admit);
}

TEST_F(LoginAdmissionTest, ASuperuserAlwaysComesInAndCounts) {
    const int number = set(limit_of(1));
    const int boss = enter(login_by(10), true);
    EXPECT_EQ(decide(boss).limit, -1);
    admission_.admit(boss, now_);
    const Verdict verdict = decide(enter(login_by(10), true));
    EXPECT_EQ(verdict.answer, Answer::admit);
    EXPECT_EQ(verdict.limit, number) << "for the log";
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::refuse);
}

TEST_F(LoginAdmissionTest, ALoweredLimitHasNoRoomUntilItIsBelow) {
    set(limit_of(3));
    int sessions[3];
    for (int& session : sessions)
        session = admitted(login_by(test_role));
    const int number = set(limit_of(2));
    const Verdict verdict = decide(enter(login_by(test_role)));
    EXPECT_EQ(verdict.answer, Answer::refuse);
    EXPECT_EQ(verdict.limit, number);
    EXPECT_EQ(verdict.connected, 3);
    gone(sessions[0]);
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::refuse);
    gone(sessions[1]);
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::admit);
}

TEST_F(LoginAdmissionTest, WaitsAsLongAsTheLimitSays) {
    set(limit_of(1, WhenFull::wait));
    admitted(login_by(test_role));
    const int place = waiting(login_by(test_role));
    now_ += seconds(5) - 1;
    EXPECT_EQ(answer(place), Answer::wait);
    now_ += 1;
    EXPECT_EQ(answer(place), Answer::refuse);
    EXPECT_EQ(decide(place).because, core::RefusedBecause::waited);
}

TEST_F(LoginAdmissionTest, TheStrongestOfTheFullLimitsDecides) {
    SessionLimit per_role = limit_of(1, WhenFull::wait);
    per_role.key.per = LimitPer::role;
    const int wait = set(per_role);
    const int evict = set(limit_of_role(1, test_role, WhenFull::evict));
    admitted(login_by(test_role));
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::wait) << "nobody is evicted for who waits";
    EXPECT_EQ(decide(enter(login_by(test_role))).limit, wait);
    const int refuse = set(limit_of(1));
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::refuse);
    EXPECT_EQ(decide(enter(login_by(test_role))).limit, refuse);
    table_->remove(refuse);
    table_->remove(wait);
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::evict);
    EXPECT_EQ(decide(enter(login_by(test_role))).limit, evict);
}

TEST_F(LoginAdmissionTest, AWalsenderNeverWaitsNorEvicts) {
    for (const WhenFull when_full : {WhenFull::wait, WhenFull::evict}) {
        set(limit_of_role(1, test_role, when_full));
        const int session = admitted(login_by(test_role));
        const int place = enter(login_by(test_role, "sub", test_database, core::Kind::database_walsender));
        EXPECT_EQ(answer(place), Answer::refuse);
        end(session);
        EXPECT_EQ(answer(place), Answer::refuse) << "not even for who is ending";
        gone(session);
        EXPECT_EQ(answer(place), Answer::admit);
    }
}

TEST_F(LoginAdmissionTest, WaitsAMomentForWhoIsEnding) {
    for (const WhenFull when_full : {WhenFull::refuse, WhenFull::evict}) {
        set(limit_of(1, when_full));
        const int session = admitted(login_by(test_role));
        const int place = enter(login_by(test_role));
        end(session);
        EXPECT_EQ(answer(place), Answer::wait) << "a client that connects again is not too many";
        now_ += core::longest_wait_for_end - 1;
        EXPECT_EQ(answer(place), Answer::wait);
        now_ += 1;
        EXPECT_EQ(answer(place), when_full == WhenFull::refuse ? Answer::refuse : Answer::evict);
        gone(session);
        EXPECT_EQ(answer(place), Answer::admit);
        admission_.leave(place);
    }
}

TEST_F(LoginAdmissionTest, WhoIsEndingMakesRoomForOne) {
    set(limit_of(2));
    admitted(login_by(test_role));
    end(admitted(login_by(test_role)));
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::wait);
    set(limit_of(1));
    EXPECT_EQ(answer(enter(login_by(test_role))), Answer::refuse);
}

TEST_F(LoginAdmissionTest, NoMoreWaitForWhoIsEndingThanThereWillBePlaces) {
    SessionLimit limit = limit_of(2);
    limit.key.per = LimitPer::role;
    set(limit);
    for (const std::uint32_t role : {1, 2}) {
        admitted(login_by(role));
        end(admitted(login_by(role)));
    }
    const int first = waiting(login_by(1));
    EXPECT_EQ(answer(enter(login_by(1))), Answer::refuse);
    EXPECT_EQ(answer(enter(login_by(2))), Answer::wait) << "another's limit";
    EXPECT_EQ(answer(first), Answer::wait);
    end(first);
    EXPECT_EQ(answer(enter(login_by(1))), Answer::wait);
}

TEST_F(LoginAdmissionTest, TheOldestGoesFirst) {
    set(limit_of(1, WhenFull::wait));
    const int session = admitted(login_by(test_role));
    const int oldest = waiting(login_by(1));
    const int next = waiting(login_by(2));
    gone(session);
    EXPECT_EQ(answer(next), Answer::wait);
    EXPECT_EQ(answer(enter(login_by(3))), Answer::wait);
    EXPECT_EQ(ready(), std::vector<int>{oldest});
    EXPECT_EQ(answer(oldest), Answer::admit);
    admission_.leave(oldest); // its client has left
    EXPECT_EQ(answer(next), Answer::admit);
    EXPECT_EQ(ready(), std::vector<int>{next});
}

TEST_F(LoginAdmissionTest, WhoLacksAnotherLimitHoldsNobodyUp) {
    set(limit_of(2, WhenFull::wait));
    SessionLimit limit = limit_of_role(1, 1, WhenFull::wait);
    set(limit);
    admitted(login_by(1));
    const int other = admitted(login_by(2));
    const int oldest = waiting(login_by(1)); // lacks both
    const int next = waiting(login_by(3));
    gone(other);
    EXPECT_EQ(answer(oldest), Answer::wait) << "there is no room for its role";
    EXPECT_EQ(answer(next), Answer::admit);
    EXPECT_EQ(ready(), std::vector<int>{next});
}

TEST_F(LoginAdmissionTest, TwoPlacesAreForTheTwoOldest) {
    set(limit_of(2, WhenFull::wait));
    const int one = admitted(login_by(1));
    const int other = admitted(login_by(1));
    int places[3];
    for (int& place : places)
        place = waiting(login_by(2));
    gone(one);
    gone(other);
    EXPECT_EQ(ready(), (std::vector<int>{places[0], places[1]}));
    EXPECT_EQ(answer(places[1]), Answer::admit) << "the oldest has its room";
    admission_.admit(places[1], now_);
    EXPECT_EQ(answer(places[0]), Answer::admit);
    EXPECT_EQ(answer(places[2]), Answer::wait);
}

TEST_F(LoginAdmissionTest, WhoWillBeReadyCanBeTold) {
    set(limit_of(1, WhenFull::wait));
    const int session = admitted(login_by(test_role));
    const int oldest = waiting(login_by(1));
    waiting(login_by(1));
    EXPECT_TRUE(ready(true).empty());
    end(session);
    EXPECT_TRUE(ready().empty());
    EXPECT_EQ(ready(true), std::vector<int>{oldest}) << "it has to watch who is ending";
}

TEST_F(LoginAdmissionTest, WhoEvictsOwnsThePlace) {
    set(limit_of(1, WhenFull::evict));
    const int victim = admitted(login_by(test_role));
    const int place = waiting(login_by(1));
    EXPECT_EQ(answer(place), Answer::evict);
    admission_.evict(place, victim);
    EXPECT_EQ(answer(place), Answer::wait);
    end(victim);
    EXPECT_EQ(answer(place), Answer::wait);
    EXPECT_EQ(answer(enter(login_by(2))), Answer::evict) << "that one is not ending for it";
    gone(victim);
    EXPECT_EQ(answer(enter(login_by(2))), Answer::evict) << "the place is kept";
    EXPECT_EQ(answer(place), Answer::admit);
    EXPECT_EQ(ready(), std::vector<int>{place});
    admission_.admit(place, now_);
    EXPECT_TRUE(places_[place].owned.is_empty());
    EXPECT_EQ(answer(enter(login_by(2))), Answer::evict);
}

TEST_F(LoginAdmissionTest, AYoungerOneOwnsItsPlaceAsWell) {
    SessionLimit others = limit_of(1, WhenFull::wait);
    others.key.role = 1;
    set(limit_of(2, WhenFull::evict));
    set(others);
    admitted(login_by(1));
    const int victim = admitted(login_by(2));
    const int oldest = waiting(login_by(1)); // waits for its role's
    const int younger = waiting(login_by(3));
    admission_.evict(younger, victim);
    gone(victim);
    EXPECT_EQ(answer(oldest), Answer::wait);
    EXPECT_EQ(answer(younger), Answer::admit);
}

TEST_F(LoginAdmissionTest, APlaceThatIsNotWantedAnyMoreIsForAll) {
    set(limit_of(1, WhenFull::evict));
    for (const bool is_gone_first : {true, false}) {
        const int victim = admitted(login_by(test_role));
        const int place = waiting(login_by(1));
        admission_.evict(place, victim);
        if (is_gone_first)
            gone(victim);
        end(place);
        EXPECT_EQ(places_[place].state, PlaceState::free);
        if (!is_gone_first)
            gone(victim);
        const int next = enter(login_by(2));
        EXPECT_EQ(answer(next), Answer::admit) << is_gone_first;
        admission_.leave(next);
    }
}

TEST_F(LoginAdmissionTest, OnlyWhatTheVictimCountedForIsOwned) {
    SessionLimit per_role = limit_of(1, WhenFull::evict);
    per_role.key.per = LimitPer::role;
    const int role = set(per_role);
    const int all = set(limit_of(2, WhenFull::evict));
    admitted(login_by(1));
    const int victim = admitted(login_by(2));
    const int place = waiting(login_by(1));
    admission_.evict(place, victim);
    gone(victim);
    EXPECT_TRUE(places_[place].owned.has(all));
    EXPECT_FALSE(places_[place].owned.has(role)) << "the victim was of another role";
    EXPECT_EQ(decide(place).limit, role);
    EXPECT_EQ(answer(enter(login_by(3))), Answer::evict) << "the place among all is kept";
}

TEST_F(LoginAdmissionTest, WaitsForItsVictimsAndThenGivesUp) {
    set(limit_of(1, WhenFull::evict));
    const int victim = admitted(login_by(test_role));
    const int place = waiting(login_by(1));
    admission_.evict(place, victim);
    now_ += core::longest_wait_for_evicted - 1;
    EXPECT_EQ(answer(place), Answer::wait);
    now_ += 1;
    EXPECT_EQ(answer(place), Answer::refuse);
    EXPECT_EQ(decide(place).because, core::RefusedBecause::nobody_to_evict);
    now_ -= 1;
    admission_.spare(victim); // it was not idle any more
    EXPECT_EQ(answer(place), Answer::evict) << "another one";
}

TEST_F(LoginAdmissionTest, IsRefusedWhereNobodyMayBeEvicted) {
    set(limit_of(1, WhenFull::evict));
    const int session = admitted(login_by(test_role));
    const int place = waiting(login_by(1));
    admission_.find_no_victim(place);
    EXPECT_EQ(answer(place), Answer::refuse);
    EXPECT_EQ(decide(place).because, core::RefusedBecause::nobody_to_evict);
    end(session);
    EXPECT_EQ(answer(place), Answer::wait) << "somebody leaves";
    gone(session);
    EXPECT_EQ(answer(place), Answer::admit);
}

TEST_F(LoginAdmissionTest, VictimsAreForThoseThatAskAndLackThem) {
    set(limit_of(1, WhenFull::evict));
    const int session = admitted(login_by(test_role));
    const int first = waiting(login_by(1));
    const int second = waiting(login_by(2));
    const auto evicting = [this] {
        std::vector<int> places;
        admission_.for_each_evicting(now_, [&](int place) { places.push_back(place); });
        return places;
    };
    EXPECT_TRUE(evicting().empty()) << "core may refuse them";
    admission_.ask_for_victims(second);
    EXPECT_EQ(evicting(), std::vector<int>{second});
    admission_.ask_for_victims(first);
    EXPECT_EQ(evicting(), (std::vector<int>{first, second}));
    admission_.evict(first, session);
    EXPECT_EQ(evicting(), std::vector<int>{second});
    admission_.find_no_victim(second);
    EXPECT_TRUE(evicting().empty());
    end(first);
    EXPECT_FALSE(places_[enter(login_by(3))].asks_for_victims);
}

TEST_F(LoginAdmissionTest, KnowsWhatALoginIsShortOf) {
    SessionLimit per_role = limit_of(1, WhenFull::evict);
    per_role.key.per = LimitPer::role;
    const int role = set(per_role);
    const int all = set(limit_of(3, WhenFull::evict));
    set(limit_of_role(100, 1, WhenFull::evict));
    const int victim = admitted(login_by(1));
    admitted(login_by(2));
    admitted(login_by(3));
    admitted(login_by(4)); // above the limit, which was lowered
    const int place = waiting(login_by(1));
    core::Shortage shortage = admission_.shortage_of(place, now_);
    EXPECT_EQ(shortage.limits.next(0), std::min(role, all));
    EXPECT_EQ(shortage.missing[role], 1);
    EXPECT_EQ(shortage.missing[all], 2);
    admission_.evict(place, victim);
    shortage = admission_.shortage_of(place, now_);
    EXPECT_FALSE(shortage.limits.has(role));
    EXPECT_EQ(shortage.missing[all], 1);
}

TEST_F(LoginAdmissionTest, HalfTheHoldPlacesAreForOneLimit) {
    const int role = set(limit_of_role(1, 1, WhenFull::wait));
    const int other = set(limit_of_role(1, 2, WhenFull::wait));
    admitted(login_by(1));
    admitted(login_by(2));
    hold_ = {6, 1};
    for (int i = 0; i < 3; ++i)
        waiting(login_by(1));
    const int fourth = enter(login_by(1));
    EXPECT_FALSE(admission_.wait(fourth, role, hold_)) << "half of them";
    EXPECT_EQ(places_[fourth].state, PlaceState::entered);
    waiting(login_by(2));
    EXPECT_TRUE(admission_.hold(enter(login_by(2)), other, hold_)) << "for its rate";
    EXPECT_FALSE(admission_.wait(enter(login_by(2)), other, hold_)) << "the gate holds one";
    EXPECT_FALSE(admission_.hold(enter(login_by(3)), -1, hold_));
    EXPECT_EQ(admission_.waiting_for(role), 3);
    EXPECT_EQ(admission_.waiting_for(other), 2);
}

TEST_F(LoginAdmissionTest, WhoWaitsAlreadyKeepsItsHoldPlace) {
    const int role = set(limit_of_role(1, 1, WhenFull::wait));
    const int server = set(limit_of(1, WhenFull::wait));
    admitted(login_by(1));
    hold_ = {1, 0};
    const int place = enter(login_by(1));
    EXPECT_TRUE(admission_.hold(place, role, hold_));
    EXPECT_TRUE(admission_.wait(place, role, hold_));
    EXPECT_TRUE(admission_.wait(place, server, hold_));
    EXPECT_EQ(admission_.waiting_for(role), 0);
    EXPECT_EQ(admission_.waiting_for(server), 1);
    EXPECT_EQ(waiting_->count, 1);
    EXPECT_TRUE(admission_.hold(place, -1, hold_));
    EXPECT_EQ(waiting_->count, 0) << "it does not wait for room now";
    admission_.leave(place);
    EXPECT_TRUE(admission_.wait(enter(login_by(1)), server, hold_));
}

TEST_F(LoginAdmissionTest, NoMoreWaitThanThereIsRoomFor) {
    core::WaitingLogins waiting = {};
    for (int i = 0; i < core::WaitingLogins::capacity; ++i)
        EXPECT_TRUE(waiting.add(i));
    EXPECT_FALSE(waiting.add(5000));
    waiting.remove(0);
    EXPECT_TRUE(waiting.add(5000));
    EXPECT_EQ(waiting.places[0], 1);
    EXPECT_EQ(waiting.places[core::WaitingLogins::capacity - 1], 5000);
}

namespace {

/// Clients that come, wait, evict and go at random.
class RandomClients : public AdmissionServer {
  protected:
    void set_limits(std::mt19937& random) {
        constexpr LimitPer pers[] = {LimitPer::none, LimitPer::role, LimitPer::database,
                                     LimitPer::application};
        for (unsigned i = 1 + random() % 6; i > 0; --i) {
            SessionLimit limit =
                limit_of(static_cast<std::int32_t>(random() % 6), static_cast<WhenFull>(random() % 3));
            limit.key.role = random() % 2 == 0 ? 0 : 1 + random() % 3;
            limit.key.database = random() % 2 == 0 ? 0 : 5 + random() % 2;
            limit.key.per = pers[random() % 4];
            set(limit);
        }
    }

    static LimitedLogin random_login(std::mt19937& random) {
        const char* const applications[] = {"web", "job", ""};
        return login_by(1 + random() % 3, applications[random() % 3], 5 + random() % 2);
    }

    /// With all that is kept for those that wait, nowhere there is one too many.
    void expect_within_limits() const {
        table_->list.numbers.for_each([&](int number) {
            for (int i = 0; i < places_.count(); ++i) {
                if (!places_[i].counts() || !places_[i].limits.has(number))
                    continue;
                int used = places_.connected(number, places_[i].login);
                for (int j = 0; j < waiting_->count; ++j) {
                    const core::SessionPlace& each = places_[waiting_->places[j]];
                    used += each.owned.has(number) &&
                            core::counts_together(table_->list[number].key.per, each.login, places_[i].login);
                }
                ASSERT_LE(used, table_->list[number].sessions);
            }
        });
    }

    bool has_room_in_all(const core::SessionPlace& login) const {
        for (int number = login.limits.next(0); number >= 0; number = login.limits.next(number + 1)) {
            int used = places_.connected(number, login.login);
            for (int j = 0; j < waiting_->count; ++j) {
                const core::SessionPlace& each = places_[waiting_->places[j]];
                used += &each != &login && each.owned.has(number) &&
                        core::counts_together(table_->list[number].key.per, each.login, login.login);
            }
            if (used >= table_->list[number].sessions)
                return false;
        }
        return true;
    }

    /// Somebody may come in wherever somebody who waits has room, and that is the oldest such one.
    void expect_nobody_held_up() const {
        const std::vector<int> can_come = ready();
        for (int i = 0; i < waiting_->count; ++i)
            if (has_room_in_all(places_[waiting_->places[i]])) {
                ASSERT_FALSE(can_come.empty());
                ASSERT_EQ(can_come.front(), waiting_->places[i]);
                return;
            }
        ASSERT_TRUE(can_come.empty());
    }

    int any(std::mt19937& random, PlaceState state) const {
        std::vector<int> found;
        for (int i = 0; i < places_.count(); ++i)
            if (places_[i].state == state)
                found.push_back(i);
        return found.empty() ? -1 : found[random() % found.size()];
    }

    void act_on(int place, std::mt19937& random) {
        const Verdict verdict = decide(place);
        switch (verdict.answer) {
        case Verdict::Answer::admit:
            admission_.admit(place, now_);
            return;
        case Verdict::Answer::refuse:
            admission_.leave(place);
            return;
        case Verdict::Answer::wait:
        case Verdict::Answer::evict:
            if (!admission_.wait(place, verdict.limit, hold_))
                admission_.leave(place);
            else if (verdict.answer == Verdict::Answer::evict)
                evict_for(place, random);
            return;
        }
    }

    void evict_for(int place, std::mt19937& random) {
        std::vector<core::EvictionCandidate> candidates;
        for (int i = 0; i < places_.count(); ++i)
            if (places_[i].state == PlaceState::admitted && random() % 4 != 0)
                candidates.push_back(idle(i, minute + static_cast<core::Timestamp>(random() % 1000)));
        const core::Victims victims =
            core::choose_victims(places_, place, admission_.shortage_of(place, now_), candidates.data(),
                                 static_cast<int>(candidates.size()), now_);
        for (int i = 0; i < victims.count; ++i)
            admission_.evict(place, victims.places[i]);
        if (victims.count == 0)
            admission_.leave(place);
        else
            EXPECT_EQ(answer(place), Verdict::Answer::wait) << "they are enough";
    }

    int free_slot() const {
        for (int slot = 0; slot < test_slots; ++slot)
            if (places_[slot].state == PlaceState::free)
                return slot;
        return -1;
    }

    void step(std::mt19937& random) {
        now_ += milliseconds(static_cast<core::Timestamp>(random() % 300));
        switch (random() % 6) {
        case 0:
        case 1:
            next_slot_ = free_slot();
            if (next_slot_ >= 0)
                act_on(enter(random_login(random)), random);
            return;
        case 2:
            if (const int place = any(random, PlaceState::waiting); place >= 0)
                act_on(place, random);
            return;
        case 3:
            if (const int place = any(random, PlaceState::admitted); place >= 0)
                random() % 3 == 0 ? admission_.spare(place) : end(place);
            return;
        case 4:
            if (const int place = any(random, PlaceState::ending); place >= 0)
                gone(place);
            return;
        case 5:
            if (const int place = any(random, PlaceState::waiting); place >= 0 && random() % 4 == 0)
                end(place);
            return;
        }
    }
};

} // namespace

TEST_F(RandomClients, NeverAreTooManyAndNobodyIsHeldUp) {
    for (unsigned seed = 0; seed < 60; ++seed) {
        std::mt19937 random(seed);
        *table_ = {};
        *waiting_ = {};
        std::fill(memory_.begin(), memory_.end(), core::SessionPlace{});
        set_limits(random);
        for (int i = 0; i < 600; ++i) {
            step(random);
            expect_within_limits();
            expect_nobody_held_up();
            ASSERT_FALSE(HasFatalFailure()) << "seed " << seed << ", step " << i;
        }
    }
}

} // namespace sessionctl::test
