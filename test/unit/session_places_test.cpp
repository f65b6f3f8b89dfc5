#include "admission_fixture.hpp"

namespace sessionctl::test {

namespace {

class SessionPlacesTest : public AdmissionServer {
  protected:
    int take(std::int32_t pid, int slot) { return places_.take({pid, seconds(pid)}, slot, now_); }

    PlaceState state(int place) const { return places_[place].state; }
};

} // namespace

TEST_F(SessionPlacesTest, ALoginTakesThePlaceOfItsSlot) {
    EXPECT_EQ(take(100, 7), 7);
    EXPECT_EQ(state(7), PlaceState::entered);
    EXPECT_TRUE((places_[7].id == core::Identity{100, seconds(100)}));
    EXPECT_EQ(places_[7].slot, 7);
    EXPECT_EQ(places_[7].since, now_);
    EXPECT_FALSE(places_[7].is_evicted());
    EXPECT_EQ(take(101, -1), -1);
    EXPECT_EQ(take(101, test_slots), -1);
}

TEST_F(SessionPlacesTest, NothingIsLeftOfWhoHadThePlaceBefore) {
    set(limit_of(10));
    core::SessionPlace& place = places_[admitted(login_by(test_role))];
    place.owned.add(3);
    place.has_evicted_others = place.asks_for_victims = place.finds_no_victim = place.is_superuser = true;
    place.evictor = 5;
    gone(place.slot);
    EXPECT_EQ(take(2000, place.slot), place.slot);
    EXPECT_TRUE(place.limits.is_empty());
    EXPECT_TRUE(place.owned.is_empty());
    EXPECT_FALSE(place.has_evicted_others || place.asks_for_victims || place.finds_no_victim ||
                 place.is_superuser || place.is_evicted());
    EXPECT_EQ(place.left_at, 0);
}

TEST_F(SessionPlacesTest, CountsOnlyWhoIsAdmitted) {
    const int number = set(limit_of(10));
    const int place = enter(login_by(test_role));
    EXPECT_EQ(places_.connected(number), 0);
    EXPECT_EQ(places_.admitted(), 0);
    admission_.admit(place, now_);
    EXPECT_EQ(places_.connected(number), 1);
    EXPECT_EQ(places_.admitted(), 1);
    end(place);
    EXPECT_EQ(places_.connected(number), 1) << "it is still there";
    admission_.leave(enter(login_by(test_role)));
    EXPECT_EQ(places_.connected(number), 1);
}

TEST_F(SessionPlacesTest, CountsTogetherWithALogin) {
    SessionLimit limit = limit_of(10);
    limit.key.per = LimitPer::role;
    const int number = set(limit);
    for (const std::uint32_t role : {1, 1, 1, 2})
        admitted(login_by(role));
    EXPECT_EQ(places_.connected(number), 4);
    EXPECT_EQ(places_.connected(number, login_by(1)), 3);
    EXPECT_EQ(places_.connected(number, login_by(2)), 1);
    EXPECT_EQ(places_.connected(number, login_by(3)), 0);
}

TEST_F(SessionPlacesTest, ReplicationIsNotAdmittedToASlotOfThese) {
    admitted(login_by(test_role, "standby", 0, core::Kind::walsender));
    EXPECT_EQ(places_.admitted(), 0);
}

TEST_F(SessionPlacesTest, IsFreeWhenEntryAndProcessAreGone) {
    struct Case {
        core::Remains remains;
        bool is_free;
    };
    for (const Case& each : {Case{{true, true}, false}, Case{{false, true}, false},
                             Case{{true, false}, false}, Case{{false, false}, true}}) {
        const int place = admitted(login_by(test_role));
        end(place);
        remains_ = each.remains;
        give_back();
        EXPECT_EQ(state(place) == PlaceState::free, each.is_free)
            << each.remains.has_entry << each.remains.has_process;
    }
    remains_ = {true, true};
}

TEST_F(SessionPlacesTest, WhoDoesNotEndIsNotAskedAfter) {
    const int place = admitted(login_by(test_role));
    remains_ = {false, false};
    give_back();
    EXPECT_EQ(state(place), PlaceState::admitted);
    remains_ = {true, true};
}

TEST_F(SessionPlacesTest, AnotherProcessMayGetThePid) {
    const int place = admitted(login_by(test_role));
    end(place);
    now_ += hour; // its temporary tables took so long
    give_back();
    remains_ = {false, true};
    give_back();
    now_ += core::longest_exit - 1;
    give_back();
    EXPECT_EQ(state(place), PlaceState::ending);
    now_ += 1;
    give_back();
    EXPECT_EQ(state(place), PlaceState::free);
    remains_ = {true, true};
}

TEST_F(SessionPlacesTest, ALateProcessKeepsItsPlaceWhenItsSlotIsAnothers) {
    const int number = set(limit_of(10));
    const int late = admitted(login_by(test_role));
    end(late);
    const int place = take(2000, places_[late].slot);
    EXPECT_GE(place, test_slots);
    EXPECT_EQ(places_[place].slot, places_[late].slot);
    EXPECT_EQ(places_.connected(number), 1);
    EXPECT_EQ(state(late), PlaceState::ending);
    gone(late);
    EXPECT_EQ(places_.connected(number), 0);
    EXPECT_EQ(state(place), PlaceState::entered);
}

TEST_F(SessionPlacesTest, WhoHasLostItsSlotIsEnding) {
    const int lost = admitted(login_by(test_role));
    EXPECT_GE(take(2000, places_[lost].slot), test_slots);
    EXPECT_EQ(state(lost), PlaceState::ending);
}

TEST_F(SessionPlacesTest, WithoutAPlaceALoginHasToWaitForOne) {
    for (int i = 0; i < test_slots; ++i)
        EXPECT_GE(take(3000 + i, 5), 0) << i;
    EXPECT_GE(take(4000, 5), 0) << "the last one";
    EXPECT_EQ(take(4001, 5), -1);
    EXPECT_EQ(take(4001, 6), 6);
    admission_.leave(5);
    EXPECT_EQ(take(4002, 5), 5);
}

TEST_F(SessionPlacesTest, ALoginThatHidesIsOverdue) {
    const int place = enter(login_by(test_role));
    now_ += seconds(30); // it waited
    admission_.admit(place, now_);
    EXPECT_FALSE(core::is_overdue(places_[place], false, now_ + seconds(60), 60));
    EXPECT_TRUE(core::is_overdue(places_[place], false, now_ + seconds(60) + 1, 60));
    EXPECT_FALSE(core::is_overdue(places_[place], true, now_ + hour, 60));
    end(place);
    EXPECT_FALSE(core::is_overdue(places_[place], false, now_ + hour, 60)) << "it is told already";
}

} // namespace sessionctl::test
