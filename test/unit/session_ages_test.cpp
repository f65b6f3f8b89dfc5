// Ages through jumps of the wall clock.
#include "core/rules/session_ages.hpp"
#include "support.hpp"

#include <deque>

namespace sessionctl::test {

using core::Session;
using core::Timestamp;

namespace {

class SessionAges : public testing::Test {
  protected:
    Session& connect() {
        Session& session = sessions.emplace_back(client(static_cast<std::int32_t>(sessions.size() + 1)));
        session.slot = static_cast<std::int32_t>(sessions.size()) - 1;
        session.id.start = session.state_change = session.query_start = wall();
        return session;
    }
    Timestamp wall() const { return now + offset; }

    void look() {
        ages.tick(now, wall());
        for (const Session& session : sessions)
            last = ages.corrected(session);
    }
    void look_after(Timestamp time) {
        now += time;
        look();
    }
    void set_wall_clock(Timestamp change) { offset += change; }
    /// What a condition would see of the last session.
    Timestamp query_age() const { return wall() - last.query_start; }
    Timestamp session_age() const { return wall() - last.start; }

    std::deque<Session> sessions;
    core::SessionAges ages{8};
    core::Stamps last = {};
    Timestamp now = seconds(5000);
    Timestamp offset = seconds(700000000);
};

} // namespace

TEST_F(SessionAges, AreLeftAloneAsLongAsTheClockDoesNotJump) {
    Session& session = connect();
    session.id.start -= 12345; // it took its time to log in
    session.state = core::State::idle_in_transaction;
    session.xact_start = wall() - 77;
    look();
    set_wall_clock(milliseconds(499));
    look_after(seconds(1));
    EXPECT_EQ(last.start, session.id.start);
    EXPECT_EQ(last.state_change, session.state_change);
    EXPECT_EQ(last.query_start, session.query_start);
    EXPECT_EQ(last.xact_start, session.xact_start);
}

TEST_F(SessionAges, AnHourForwardMakesNobodyOlder) {
    connect();
    look_after(seconds(1));
    set_wall_clock(hour);
    look_after(seconds(1));
    EXPECT_EQ(query_age(), seconds(2));
    EXPECT_EQ(session_age(), seconds(2));
    look_after(seconds(1));
    EXPECT_EQ(query_age(), seconds(3));
}

TEST_F(SessionAges, AnHourBackMakesNobodyYounger) {
    connect();
    look_after(seconds(1));
    set_wall_clock(-hour);
    look_after(seconds(1));
    EXPECT_EQ(query_age(), seconds(2));
    EXPECT_EQ(wall() - last.state_change, seconds(2));
}

TEST_F(SessionAges, AStatementAfterTheJumpIsAsOldAsItIs) {
    Session& session = connect();
    look_after(seconds(1));
    set_wall_clock(hour);
    look_after(seconds(1));
    session.query_start = session.xact_start = wall();
    look_after(seconds(1));
    EXPECT_EQ(query_age(), seconds(1));
    EXPECT_EQ(wall() - last.xact_start, seconds(1));
    EXPECT_EQ(session_age(), seconds(3));
    set_wall_clock(-hour);
    look_after(seconds(1));
    EXPECT_EQ(query_age(), seconds(2));
    EXPECT_EQ(session_age(), seconds(4));
}

TEST_F(SessionAges, AStatementOfTheTickOfTheJumpIsNotOlderThanIt) {
    Session& session = connect();
    look_after(seconds(1));
    session.query_start = wall(); // and then the clock jumps
    set_wall_clock(hour);
    look_after(milliseconds(200));
    EXPECT_LE(query_age(), milliseconds(200));
    EXPECT_GE(query_age(), 0);
}

TEST_F(SessionAges, WhatWasThereBeforeTheFirstLookIsTakenAsItIs) {
    Session& session = connect();
    session.id.start -= seconds(600);
    look();
    set_wall_clock(hour);
    look_after(seconds(1));
    EXPECT_EQ(session_age(), seconds(601));
}

TEST_F(SessionAges, WhatIsInTheFutureAtTheFirstLookIsOfNow) {
    Session& old = connect();
    old.id.start -= seconds(7200);
    Session& session = connect();
    set_wall_clock(-hour);
    look();
    EXPECT_EQ(query_age(), 0);
    EXPECT_EQ(session_age(), 0);
    EXPECT_EQ(wall() - last.state_change, 0);
    look_after(seconds(2));
    EXPECT_EQ(query_age(), seconds(2));
    session.query_start = wall();
    look_after(seconds(1));
    EXPECT_EQ(query_age(), seconds(1));
    EXPECT_EQ(session_age(), seconds(3));
    look_after(2 * hour); // by now the stamp is in the past of the wall clock
    EXPECT_EQ(session_age(), 2 * hour + seconds(3));
    EXPECT_EQ(wall() - ages.corrected(old).start, 3 * hour + seconds(3)) << "as it was found";
}

TEST_F(SessionAges, AMomentInTheFutureIsNoJump) {
    Session& session = connect();
    session.query_start = wall() + milliseconds(499); // after the tick, before the look at the session
    look();
    EXPECT_EQ(last.query_start, session.query_start);
    look_after(seconds(1));
    session.query_start = wall() + seconds(1); // at a later look: it took that long
    look();
    EXPECT_EQ(last.query_start, session.query_start);
}

TEST_F(SessionAges, AnotherSessionInTheSlotIsAsOldAsItIs) {
    Session& session = connect();
    look_after(seconds(100));
    set_wall_clock(hour);
    look_after(seconds(1));
    session.id = {77, wall()};
    session.query_start = wall() - 5; // like the other's by chance
    look_after(seconds(1));
    EXPECT_EQ(session_age(), seconds(1));
    EXPECT_EQ(query_age(), seconds(1) + 5);
}

TEST_F(SessionAges, NoStampStaysNone) {
    connect();
    look();
    set_wall_clock(hour);
    look_after(seconds(1));
    EXPECT_EQ(last.xact_start, 0);
}

TEST_F(SessionAges, AJumpSinceTheTickIsNoticed) {
    look();
    EXPECT_TRUE(ages.is_steady(now + seconds(3), wall() + seconds(3)));
    EXPECT_TRUE(ages.is_steady(now, wall() + milliseconds(499)));
    EXPECT_FALSE(ages.is_steady(now, wall() + milliseconds(500)));
    EXPECT_FALSE(ages.is_steady(now, wall() - milliseconds(500)));
}

} // namespace sessionctl::test
