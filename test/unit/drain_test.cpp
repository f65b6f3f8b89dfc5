#include "core/sessions/drain.hpp"
#include "fake_server.hpp"
#include "memory.hpp"
#include "support.hpp"

#include <stdexcept>

namespace sessionctl::test {

using core::Action;
using core::DrainAnswer;
using core::Kind;
using core::Outcome;
using core::State;

namespace {

class Drain : public ServerTest {
  protected:
    Drain() {
        server.on_signal = [this](Life* life) { server.end(*life); };
    }

    Life& choose_in(std::int32_t pid, State state, bool is_in_transaction, Kind kind = Kind::client) {
        core::Session session = client(pid);
        session.kind = kind;
        session.state = state;
        session.xact_start = is_in_transaction ? session.query_start : 0;
        return choose(session);
    }
    Life& idle(std::int32_t pid) { return choose_in(pid, State::idle, false); }
    Life& busy(std::int32_t pid) { return choose_in(pid, State::idle_in_transaction, true); }
    Life& choose_walsender(Kind kind, State state, bool is_in_transaction) {
        return choose_in(static_cast<std::int32_t>(plan.size()) + 1, state, is_in_transaction, kind);
    }

    void commit(Life& life) {
        life.session.state = State::idle;
        life.session.xact_start = 0;
    }

    /// It commits, and says that it will end by itself.
    void commit_to_end(Life& life) {
        commit(life);
        requester.answers[life.session.id.pid] = DrainAnswer::will_end;
    }

    /// With no time to wait there is no end to the time in which they are signalled.
    void drain(core::Timestamp wait = seconds(60)) {
        core::drain_all(plan, wait > 0 ? server.now() + wait : forever, wait > 0, server, requester,
                        observer);
    }
    Outcome outcome(std::size_t i = 0) const { return plan[i].outcome; }

    FakeRequester requester;
};

} // namespace

TEST_F(Drain, SessionWhoseTurnDoesNotComeInTimeIsNotReached) {
    idle(1);
    idle(2);
    busy(3);
    server.before_send = [this](Life*) { server.pass(seconds(2)); };
    drain(seconds(1));
    EXPECT_EQ(outcome(0), Outcome::terminated);
    EXPECT_EQ(outcome(1), Outcome::not_reached);
    EXPECT_EQ(outcome(2), Outcome::still_running);
    EXPECT_TRUE(core::is_unfinished(plan[2]));
    EXPECT_FALSE(core::is_unfinished(plan[1]));
}

TEST_F(Drain, EndsIdleSessionsAtOnce) {
    idle(1);
    idle(2);
    drain();
    EXPECT_EQ(core::counted(plan, Action::drain), 2);
    EXPECT_EQ(outcome(), Outcome::terminated);
    EXPECT_GE(plan[0].elapsed, 0);
}

TEST_F(Drain, AsksAllBeforeTheFirstSignal) {
    Life& first = idle(1);
    idle(2);
    requester.on_ask = [&](const core::Session&) { EXPECT_EQ(first.signals, 0); };
    drain();
    EXPECT_EQ(requester.asked, (std::vector<std::int32_t>{1, 2}));
}

TEST_F(Drain, AsksOnlyTheChosen) {
    idle(1);
    plan[0].outcome = Outcome::spared;
    drain();
    EXPECT_TRUE(requester.asked.empty());
    EXPECT_EQ(outcome(), Outcome::spared);
}

TEST_F(Drain, SessionIsSettledLookByLook) {
    Life& life = busy(1);
    core::Target& target = plan[0];
    core::DrainedSession asked(server.now());
    EXPECT_FALSE(asked.settle(target, true, server, requester));
    EXPECT_STREQ(asked.reason(target.session), "its transaction goes on");
    commit(life);
    EXPECT_FALSE(asked.settle(target, false, server, requester)) << "it may stay";
    EXPECT_EQ(life.signals, 0);
    EXPECT_FALSE(core::was_ended(target, requester));
    EXPECT_FALSE(asked.settle(target, true, server, requester));
    EXPECT_EQ(life.signals, 1);
    EXPECT_TRUE(core::was_ended(target, requester));
    EXPECT_TRUE(asked.settle(target, true, server, requester));
    EXPECT_EQ(target.outcome, Outcome::terminated);
}

TEST_F(Drain, OneThatLeavesOfItsOwnAccordWasNotEnded) {
    Life& life = busy(1);
    core::DrainedSession asked(server.now());
    EXPECT_FALSE(asked.settle(plan[0], true, server, requester));
    server.end(life);
    EXPECT_TRUE(asked.settle(plan[0], true, server, requester));
    EXPECT_EQ(outcome(), Outcome::already_gone);
    EXPECT_FALSE(core::was_ended(plan[0], requester));
}

TEST_F(Drain, WaitsForTheEndOfATransaction) {
    Life& life = busy(1);
    server.after(seconds(3), [&] {
        EXPECT_EQ(life.signals, 0);
        commit(life);
    });
    drain();
    EXPECT_EQ(outcome(), Outcome::terminated);
    EXPECT_GE(plan[0].elapsed, seconds(3));
    EXPECT_LT(plan[0].elapsed, seconds(4));
}

TEST_F(Drain, LeavesAStatementAlone) {
    Life& life = choose_in(1, State::active, false); // before it has begun its transaction
    drain(seconds(1));
    EXPECT_EQ(life.signals, 0);
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_TRUE(core::is_unfinished(plan[0]));
    EXPECT_STREQ(plan[0].reason, "its transaction goes on");
}

TEST_F(Drain, AFailedTransactionIsOver) {
    choose_in(1, State::idle_in_transaction_aborted, false);
    drain();
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(Drain, AFailedSubtransactionIsNot) {
    Life& life = choose_in(1, State::idle_in_transaction_aborted, true);
    drain(seconds(1));
    EXPECT_EQ(life.signals, 0);
    EXPECT_EQ(outcome(), Outcome::still_running);
}

TEST_F(Drain, AWalsenderHasNoTransactionToFinish) {
    choose_walsender(Kind::walsender, State::active, false);
    choose_walsender(Kind::walsender, State::active, true); // it decodes
    drain();
    EXPECT_EQ(outcome(0), Outcome::terminated);
    EXPECT_EQ(outcome(1), Outcome::terminated);
}

TEST_F(Drain, OneWithADatabaseHasNoneWhileItStreams) {
    for (const bool decodes : {false, true})
        choose_walsender(Kind::database_walsender, State::active, decodes).is_streaming = true;
    drain();
    EXPECT_EQ(outcome(0), Outcome::terminated);
    EXPECT_EQ(outcome(1), Outcome::terminated);
}

TEST_F(Drain, OneWithADatabaseFinishesItsOwn) {
    Life& life = choose_walsender(Kind::database_walsender, State::idle_in_transaction, true);
    Life& running = choose_walsender(Kind::database_walsender, State::active, false);
    server.after(seconds(3), [&] {
        EXPECT_EQ(life.signals, 0);
        EXPECT_EQ(running.signals, 0);
        commit(life);
        running.is_streaming = true;
    });
    drain();
    EXPECT_EQ(outcome(0), Outcome::terminated);
    EXPECT_EQ(outcome(1), Outcome::terminated);
}

TEST_F(Drain, LooksOnceMoreAtTheInstantOfTheSignal) {
    Life& life = idle(1);
    int looks = 0;
    server.before_look = [&](Life* looked_at) {
        // The second look is the one after the process was pinned: a statement has come.
        if (looked_at != nullptr && ++looks == 2)
            looked_at->session.state = State::active;
    };
    server.after(seconds(1), [&] {
        EXPECT_EQ(life.signals, 0);
        commit(life);
    });
    drain();
    EXPECT_EQ(life.signals, 1);
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(Drain, SessionThatEndsByItselfIsNotSignalled) {
    Life& life = busy(1);
    server.after(seconds(1), [&] { commit_to_end(life); });
    server.after(seconds(2), [&] {
        requester.answers[1] = DrainAnswer::ends;
        server.end(life);
    });
    drain();
    EXPECT_EQ(life.signals, 0);
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(Drain, SessionThatStallsIsSignalled) {
    Life& life = busy(1);
    server.after(seconds(1), [&] {
        commit_to_end(life);
        life.session.state_change += seconds(1);
    });
    server.after(seconds(2), [&] { life.session.state_change += seconds(1); }); // it has sent something
    server.after(seconds(3), [&] { EXPECT_EQ(life.signals, 0); });
    drain();
    EXPECT_EQ(life.signals, 1);
    EXPECT_EQ(outcome(), Outcome::terminated);
    EXPECT_GE(plan[0].elapsed, seconds(4));
    EXPECT_LT(plan[0].elapsed, seconds(5));
}

TEST_F(Drain, SessionThatLeftOfItsOwnAccordIsNotCounted) {
    Life& life = busy(1);
    server.after(seconds(1), [&] { server.end(life); });
    drain();
    EXPECT_EQ(outcome(), Outcome::already_gone);
    EXPECT_EQ(core::counted(plan, Action::drain), 0);
}

TEST_F(Drain, ASuccessorInItsPlaceIsAnother) {
    Life& life = busy(1);
    Life* successor = nullptr;
    server.after(seconds(1), [&] {
        server.end(life);
        successor = &server.start_successor(life);
    });
    drain();
    EXPECT_EQ(outcome(), Outcome::already_gone);
    EXPECT_EQ(successor->signals, 0);
}

TEST_F(Drain, WhatIsLeftIsStillRunning) {
    busy(1);
    idle(2);
    server.on_signal = nullptr; // obeys too late
    drain(seconds(1));
    EXPECT_EQ(outcome(0), Outcome::still_running);
    EXPECT_EQ(outcome(1), Outcome::still_running);
    EXPECT_TRUE(core::is_unfinished(plan[0]));
    EXPECT_FALSE(core::is_unfinished(plan[1]));
    EXPECT_EQ(plan[0].elapsed, seconds(1));
}

TEST_F(Drain, SessionThatIsAboutToEndButDoesNotIsUnfinished) {
    Life& life = busy(1);
    server.after(seconds(1), [&] {
        commit(life);
        requester.answers[1] = DrainAnswer::will_end;
    });
    drain(seconds(2));
    EXPECT_TRUE(core::is_unfinished(plan[0]));
    EXPECT_STREQ(plan[0].reason, "its client has not taken the answer");
}

TEST_F(Drain, WithoutTimeTheIdleAreSignalled) {
    busy(1);
    idle(2);
    server.on_signal = nullptr;
    drain(0);
    EXPECT_EQ(outcome(0), Outcome::still_running);
    EXPECT_EQ(outcome(1), Outcome::signalled);
    EXPECT_EQ(core::counted(plan, Action::drain), 1);
    EXPECT_TRUE(server.sleeps.empty());
}

TEST_F(Drain, OneThatIsDeniedDelaysNobody) {
    idle(1).refuses = true;
    drain();
    EXPECT_EQ(outcome(), Outcome::denied);
    EXPECT_TRUE(server.sleeps.empty());
}

TEST_F(Drain, ForceEndsTheRest) {
    Life& life = busy(1);
    idle(2);
    drain(seconds(1));
    core::force_rest(plan, forever, server);
    core::prove_all(plan, Action::drain, server.now() + seconds(5), server, observer);
    EXPECT_EQ(life.signals, 1);
    EXPECT_EQ(outcome(0), Outcome::terminated);
    EXPECT_TRUE(plan[0].is_forced);
    EXPECT_FALSE(plan[1].is_forced);
    EXPECT_EQ(core::counted(plan, Action::drain), 2);
}

TEST_F(Drain, AnInterruptedWaitLeavesThemUnsignalled) {
    Life& life = busy(1);
    server.on_sleep = [] { throw std::runtime_error("canceling statement due to user request"); };
    EXPECT_THROW(drain(), std::runtime_error);
    EXPECT_EQ(life.signals, 0);
    EXPECT_EQ(outcome(), Outcome::chosen);
}

// Background processes.

TEST_F(Drain, EndsABackgroundProcessOutsideOfATransactionWhateverItReports) {
    for (const State state : {State::undefined, State::idle, State::active, State::disabled}) {
        plan.clear();
        core::Session session = worker(static_cast<std::int32_t>(state) + 1);
        session.state = state;
        choose(session);
        drain();
        EXPECT_EQ(outcome(), Outcome::terminated);
    }
}

TEST_F(Drain, WaitsForABackgroundProcessToLeaveItsTransaction) {
    Life& life = choose(worker(1, Kind::autovacuum_worker));
    life.is_in_transaction = true;
    server.after(seconds(1), [&life] { life.is_in_transaction = false; });
    drain();
    EXPECT_EQ(outcome(), Outcome::terminated);
    EXPECT_GE(plan[0].elapsed, seconds(1));
}

TEST_F(Drain, OfABackgroundProcessItIsKnownThatItsTransactionGoesOn) {
    core::Session session = worker(1);
    session.state = State::disabled;
    choose(session).is_in_transaction = true;
    drain(seconds(1));
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_TRUE(core::is_unfinished(plan[0]));
    EXPECT_STREQ(plan[0].reason, "its transaction goes on");
}

TEST_F(Drain, OfABackgroundProcessThatStaysNoClientIsBlamed) {
    server.on_signal = nullptr; // it does not obey
    choose(worker(1));
    drain(seconds(1));
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_FALSE(core::is_unfinished(plan[0]));
}

TEST_F(Drain, EachEndIsToldWhenItComes) {
    Life& late = busy(1);
    idle(2);
    Life& never = busy(3);
    idle(4).refuses = true;
    server.after(seconds(10), [&] { commit(late); });
    server.after(seconds(20), [&] { server.end(never); }); // of its own accord
    server.on_sleep = [this] { observer.pause(); };
    drain();
    EXPECT_EQ(observer.heard, (std::vector<std::string>{"4 denied", "pause", "2 terminated", "pause",
                                                        "1 terminated", "pause", "3 already gone"}));
}

} // namespace sessionctl::test
