#include "core/sessions/escalation.hpp"

#include "fake_server.hpp"
#include "support.hpp"

#include <functional>
#include <limits>
#include <stdexcept>

namespace sessionctl::test {

using core::Action;
using core::Closing;
using core::Outcome;
using core::State;
using core::Step;
using core::Target;

namespace {

constexpr core::Timestamp step = 2 * core::microseconds_per_second;

class Escalation : public ServerTest {
  protected:
    Life& choose_in(State state, std::int32_t pid, core::Timestamp xact_start = 0) {
        core::Session session = client(pid);
        session.state = state;
        session.xact_start = xact_start;
        return choose(session);
    }

    Life& choose_active(std::int32_t pid) { return choose_in(State::active, pid); }

    void escalate_all(bool closes_sockets = false, core::Timestamp time_left = forever) {
        began = server.now();
        core::escalate(plan, {step, closes_sockets, time_left}, server, observer);
        took = server.now() - began;
    }

    /// What each of them does when it is signalled; by default nothing.
    void answer(std::function<void(Life&, Action)> how) {
        server.on_signal = [how](Life* life) { how(*life, life->last_signal); };
    }

    /// Each of them answers a cancel so, and ends when it is terminated.
    void answer_cancel(std::function<void(Life&)> how) {
        answer([this, how](Life& life, Action action) {
            action == Action::cancel ? how(life) : server.end(life);
        });
    }

    /// "cancel terminate": the steps taken on that target.
    std::string taken(std::size_t target) const {
        static const char* const names[] = {"cancel ", "terminate ", "close "};
        std::string text;
        for (const Step each : core::all_steps)
            if (plan[target].step(each).at != 0)
                text += names[static_cast<int>(each)];
        if (!text.empty())
            text.pop_back();
        return text;
    }

    core::Timestamp at(std::size_t target, Step each) const { return plan[target].step(each).at - began; }

    core::Timestamp began = 0;
    core::Timestamp took = 0;
};

void ignore(Life&) {}

void stop_statement(Life& life) {
    life.session.state = State::idle;
    life.session.xact_start = 0;
}

void abort_transaction(Life& life) {
    life.session.state = State::idle_in_transaction_aborted;
    life.session.xact_start = 0;
}

} // namespace

TEST_F(Escalation, NobodySkipsAStep) {
    for (std::int32_t pid = 1; pid <= 4; ++pid)
        choose_active(pid);
    server.before_send = [this](Life* life) { server.pass(life->signals == 0 ? step / 3 + 1 : step / 2); };
    escalate_all();
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_EQ(taken(1), "cancel terminate");
    EXPECT_EQ(taken(2), "cancel");
    EXPECT_EQ(plan[2].outcome, Outcome::still_running);
    EXPECT_STREQ(plan[2].reason, "the time of the next step was over before its turn");
    EXPECT_EQ(taken(3), "");
    EXPECT_EQ(plan[3].outcome, Outcome::not_reached);
}

// The first step

TEST_F(Escalation, SessionThatObeysTheCancelStaysAndCostsNoLaterStep) {
    choose_active(1);
    answer([](Life& life, Action) { stop_statement(life); });
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(taken(0), "cancel");
    EXPECT_EQ(took, 0);
    EXPECT_TRUE(server.sleeps.empty());
}

TEST_F(Escalation, SessionThatEndsAtTheCancelIsNotTerminated) {
    choose_active(1);
    answer(
        [this](Life& life, Action) { server.after(milliseconds(5), [this, &life] { server.end(life); }); });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(taken(0), "cancel");
    EXPECT_LT(took, milliseconds(10));
}

TEST_F(Escalation, SessionThatGoesOnWithAnotherStatementHasObeyed) {
    choose_active(1);
    answer([](Life& life, Action) { life.session.query_start += 1; });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(took, 0);
}

TEST_F(Escalation, AnAbortedTransactionHasUntilTheDeadlineToEnd) {
    Life& life = choose_in(State::active, 1, seconds(1));
    answer([this](Life& each, Action) {
        abort_transaction(each);
        server.after(seconds(1), [&each] { stop_statement(each); }); // ROLLBACK
    });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(life.signals, 1);
    EXPECT_NEAR(static_cast<double>(took), 1e6, 5e4);
}

TEST_F(Escalation, SessionThatIsIdleInTransactionAfterTheCancelIsTerminated) {
    choose_in(State::active, 1, seconds(1));
    answer_cancel(abort_transaction);
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_EQ(plan[0].step(Step::cancel).outcome, Outcome::cancelled);
    EXPECT_EQ(plan[0].step(Step::terminate).outcome, Outcome::terminated);
    EXPECT_EQ(at(0, Step::cancel), 0);
    EXPECT_EQ(at(0, Step::terminate), step);
    EXPECT_EQ(plan[0].elapsed, step) << "from the first step";
}

TEST_F(Escalation, AnotherTransactionIsNotTheOneThatWasChosen) {
    choose_in(State::active, 1, seconds(1));
    answer([](Life& life, Action) {
        life.session.state = State::idle_in_transaction;
        life.session.xact_start = seconds(900);
    });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(took, 0);
}

// Who runs nothing

TEST_F(Escalation, SessionThatIsIdleInTransactionIsTerminatedAtOnceWhereNobodyIsCancelled) {
    for (const State state : {State::idle_in_transaction, State::idle_in_transaction_aborted})
        choose_in(state, static_cast<std::int32_t>(plan.size()) + 1);
    answer([this](Life& life, Action) { server.end(life); });
    escalate_all();
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(plan[i].outcome, Outcome::terminated);
        EXPECT_EQ(taken(i), "terminate");
    }
    EXPECT_EQ(took, 0);
}

TEST_F(Escalation, SessionThatIsIdleInTransactionWaitsForTheSecondStepOfTheOthers) {
    Life& waiting = choose_in(State::idle_in_transaction, 1, seconds(1));
    Life& leaving = choose_in(State::idle_in_transaction, 2, seconds(1));
    Life& resuming = choose_in(State::idle_in_transaction, 3, seconds(1));
    choose_active(4);
    server.after(seconds(1), [&] {
        stop_statement(leaving);
        resuming.session.state = State::active;
        resuming.session.query_start += 1;
    });
    answer_cancel(ignore);
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(at(0, Step::terminate), step);
    EXPECT_EQ(waiting.signals, 1);
    EXPECT_EQ(plan[1].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(leaving.signals, 0);
    EXPECT_EQ(plan[2].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(resuming.signals, 0);
}

TEST_F(Escalation, SessionThatIsIdleIsLeftAlone) {
    Life& life = choose(client(1));
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::not_running);
    EXPECT_EQ(life.signals, 0);
    EXPECT_FALSE(life.is_cut_off);
}

TEST_F(Escalation, SessionThatIsIdleAndBlocksOthersIsTerminated) {
    choose(client(1)).blocks_others = true;
    answer([this](Life& life, Action) { server.end(life); });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(taken(0), "terminate") << "it has no statement to be cancelled";
    EXPECT_EQ(took, 0);
}

TEST_F(Escalation, SessionThatIsIdleAfterTheCancelAndBlocksOthersIsTerminated) {
    choose_active(1).blocks_others = true;
    choose_active(2);
    answer_cancel(stop_statement);
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_EQ(plan[0].step(Step::cancel).outcome, Outcome::cancelled);
    EXPECT_EQ(at(0, Step::terminate), step) << "until then it might have let go";
    EXPECT_EQ(plan[1].outcome, Outcome::cancelled) << "in nobody's way";
}

TEST_F(Escalation, SessionThatLetsGoAfterTheCancelHasObeyed) {
    choose_active(1).blocks_others = true;
    answer([this](Life& life, Action) {
        stop_statement(life);
        server.after(milliseconds(5), [&life] { life.blocks_others = false; });
    });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(taken(0), "cancel");
    EXPECT_LT(took, milliseconds(10));
}

TEST_F(Escalation, SessionThatLetsGoBeforeItsTurnIsLeftAlone) {
    Life& holder = choose(client(1));
    holder.blocks_others = true;
    int looks = 0;
    server.before_lock_look = [&](Life*) { holder.blocks_others = ++looks == 1; }; // not at the second step
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(holder.signals, 0);
}

TEST_F(Escalation, LocksOfTheTransactionAreNotHeldWhileIdle) {
    Life& life = choose(client(1));
    server.before_lock_look = [](Life* holder) { // it begins one between two looks
        holder->blocks_others = true;
        holder->session.state = State::idle_in_transaction;
        holder->session.state_change += 1;
    };
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::not_running);
    EXPECT_EQ(life.signals, 0);
}

TEST_F(Escalation, SessionOfUnknownStateIsLeftAloneWithARemark) {
    Life& life = choose_in(State::disabled, 1);
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::not_running);
    EXPECT_NE(plan[0].reason, nullptr);
    EXPECT_EQ(life.signals, 0);
}

TEST_F(Escalation, WhatChangesBetweenChoiceAndCancelIsSeen) {
    Life& gone = choose_active(1);
    Life& next = choose_active(2);
    Life& started = choose(client(3));
    Life& in_transaction = choose_active(4);
    server.end(gone);
    next.session.query_start += 1;
    started.session.state = State::active;
    in_transaction.session.state = State::idle_in_transaction;
    answer([this](Life& life, Action) { server.end(life); });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::already_gone);
    EXPECT_EQ(plan[1].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(plan[2].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(plan[3].outcome, Outcome::terminated);
    EXPECT_EQ(taken(3), "terminate");
}

// The second step, and the third

TEST_F(Escalation, SessionThatIgnoresTheCancelIsTerminated) {
    choose_active(1);
    answer_cancel(ignore);
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_EQ(plan[0].step(Step::cancel).outcome, Outcome::still_running);
    EXPECT_EQ(took, step);
}

TEST_F(Escalation, SessionThatIgnoresBothIsStillRunning) {
    Life& life = choose_active(1);
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_EQ(life.signals, 2);
    EXPECT_FALSE(life.is_cut_off);
    EXPECT_EQ(took, 2 * step);
    EXPECT_EQ(plan[0].elapsed, 2 * step);
}

TEST_F(Escalation, SessionThatIgnoresBothHasItsSocketClosed) {
    Life& stubborn = choose_active(1);
    Life& obedient = choose_active(2);
    server.start(client(3));
    answer([&](Life& life, Action) {
        if (&life == &obedient)
            stop_statement(life);
    });
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
    EXPECT_EQ(taken(0), "cancel terminate close");
    EXPECT_TRUE(stubborn.is_cut_off);
    EXPECT_FALSE(obedient.is_cut_off);
    EXPECT_EQ(at(0, Step::close_socket), 2 * step);
    EXPECT_EQ(took, 3 * step);
    EXPECT_EQ(stubborn.signals, 2) << "never a third";
    EXPECT_EQ(observer.over, (std::vector{Step::cancel, Step::terminate, Step::close_socket}));
}

TEST_F(Escalation, SessionThatGoesOnWithAnotherStatementKeepsItsSocket) {
    Life& life = choose_active(1);
    server.before_pin = [](Life* each) {
        if (each->signals == 2)
            each->session.query_start += 1;
    };
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_FALSE(life.is_cut_off);
    EXPECT_EQ(took, 3 * step) << "it has been told to end";
}

TEST_F(Escalation, SessionThatIgnoresItsTerminationWhileIdleHasItsSocketClosed) {
    Life& in_transaction = choose_in(State::idle_in_transaction, 1, seconds(1));
    Life& blocking = choose(client(2));
    blocking.blocks_others = true;
    escalate_all(true);
    EXPECT_EQ(taken(0), "terminate close");
    EXPECT_TRUE(in_transaction.is_cut_off);
    EXPECT_EQ(taken(1), "terminate close");
    EXPECT_TRUE(blocking.is_cut_off);
}

TEST_F(Escalation, SessionThatEndsWhenItsClientIsGoneIsTerminated) {
    choose_active(1);
    server.on_close = [this](Life* life) {
        server.after(milliseconds(3), [this, life] { server.end(*life); });
    };
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(plan[0].step(Step::close_socket).outcome, Outcome::terminated);
    EXPECT_LT(took, 2 * step + milliseconds(10));
}

TEST_F(Escalation, WhatTheOperatingSystemForbidsHoldsUpNobodyElse) {
    choose_active(1).closing = Closing::Result::denied;
    choose_active(2).closing = Closing::Result::not_found;
    Life& closed = choose_active(3);
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::not_permitted);
    EXPECT_STREQ(plan[0].reason, "because");
    EXPECT_EQ(plan[0].step(Step::close_socket).outcome, Outcome::not_permitted);
    EXPECT_EQ(plan[1].outcome, Outcome::still_running);
    EXPECT_STREQ(plan[1].reason, "because");
    EXPECT_EQ(taken(1), "cancel terminate");
    EXPECT_EQ(plan[2].outcome, Outcome::still_running);
    EXPECT_TRUE(closed.is_cut_off);
    for (const Target& target : plan)
        EXPECT_GE(target.elapsed, 2 * step);
}

TEST_F(Escalation, WhereNothingWasClosedNobodyWaitsForIt) {
    choose_active(1).closing = Closing::Result::denied;
    escalate_all(true);
    EXPECT_EQ(took, 2 * step);
}

TEST_F(Escalation, WaitForAStandbyIsReportedInEveryStep) {
    choose_active(1).awaits_standby = true;
    escalate_all(true);
    EXPECT_EQ(taken(0), "cancel terminate close");
    ASSERT_NE(plan[0].reason, nullptr);
    EXPECT_NE(std::string(plan[0].reason).find("synchronous standby"), std::string::npos);
}

// Identity

TEST_F(Escalation, AReusedPidIsNeverTouched) {
    for (const core::Timestamp moment : {step / 2, step, step + step / 2, 2 * step}) {
        plan.clear();
        server = FakeServer();
        Life& life = choose_active(1);
        Life* successor = nullptr;
        server.after(moment, [&] {
            server.end(life);
            successor = &server.start_successor(life);
            successor->session.state = State::active;
        });
        escalate_all(true);
        ASSERT_NE(successor, nullptr);
        EXPECT_EQ(successor->signals, 0);
        EXPECT_FALSE(successor->is_cut_off);
        EXPECT_NE(plan[0].outcome, Outcome::still_running);
    }
}

TEST_F(Escalation, APidReusedJustBeforeTheSocketIsClosedIsNotTouched) {
    Life& life = choose_active(1);
    Life* successor = nullptr;
    server.before_pin = [&](Life*) {
        if (life.signals < 2 || successor != nullptr)
            return;
        server.end(life);
        successor = &server.start_successor(life);
    };
    escalate_all(true);
    ASSERT_NE(successor, nullptr);
    EXPECT_FALSE(successor->is_cut_off);
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
}

// Side by side

TEST_F(Escalation, AHundredSessionsTakeTheTimeOfOne) {
    for (std::int32_t pid = 1; pid <= 100; ++pid)
        choose_active(pid);
    escalate_all(true);
    EXPECT_EQ(core::count_of(plan, Outcome::still_running), 100);
    EXPECT_EQ(took, 3 * step);
    for (const Target& target : plan)
        EXPECT_EQ(target.step(Step::terminate).at, plan[0].step(Step::terminate).at);
}

TEST_F(Escalation, TouchesOnlyTheChosen) {
    Life& spared = choose_active(1);
    plan[0].outcome = Outcome::spared;
    choose_active(2).refuses = true;
    escalate_all(true);
    EXPECT_EQ(plan[0].outcome, Outcome::spared);
    EXPECT_EQ(spared.signals, 0);
    EXPECT_EQ(plan[1].outcome, Outcome::denied);
    EXPECT_EQ(plan[1].step(Step::cancel).outcome, Outcome::denied);
    EXPECT_EQ(taken(1), "cancel");
}

// The caller's own end

TEST_F(Escalation, AStatementTimeoutEndsTheEscalationBeforeTheNextStep) {
    Life& busy = choose_active(1);
    Life& waiting = choose_in(State::idle_in_transaction, 2);
    escalate_all(true, step / 2);
    EXPECT_EQ(took, step / 2);
    EXPECT_EQ(busy.signals, 1);
    EXPECT_EQ(waiting.signals, 0);
    for (const Target& target : plan) {
        EXPECT_EQ(target.outcome, Outcome::still_running);
        EXPECT_STREQ(target.reason, "the statement's own timeout left no time for the next step");
    }
    EXPECT_EQ(plan[0].elapsed, step / 2);
}

TEST_F(Escalation, AStatementTimeoutAfterTheLastStepIsNoRemark) {
    choose_active(1);
    escalate_all(false, step + step / 2);
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
    EXPECT_EQ(plan[0].reason, nullptr);
}

TEST_F(Escalation, AnInterruptedEscalationKnowsWhatItDid) {
    choose_active(1);
    server.after(step + step / 2,
                 [] { throw std::runtime_error("canceling statement due to user request"); });
    EXPECT_THROW(escalate_all(), std::runtime_error);
    EXPECT_EQ(taken(0), "cancel terminate");
    EXPECT_EQ(plan[0].step(Step::cancel).outcome, Outcome::still_running);
    EXPECT_EQ(plan[0].step(Step::terminate).outcome, Outcome::chosen);
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
}

TEST_F(Escalation, NobodyToEscalate) {
    escalate_all(true);
    EXPECT_EQ(took, 0);
    EXPECT_TRUE(server.trace.empty());
}

// Background processes.

TEST_F(Escalation, CancelIsEnoughForAutovacuum) {
    core::Session session = worker(1, core::Kind::autovacuum_worker);
    session.state = State::active;
    session.xact_start = seconds(1);
    choose(session).is_in_transaction = true;
    // It goes on with its next table, in another transaction.
    answer([](Life& life, Action) {
        life.session.query_start += seconds(1);
        life.session.xact_start += seconds(1);
    });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(taken(0), "cancel");
}

TEST_F(Escalation, AWorkerThatReportsNothingGoesByItsTransaction) {
    Life& busy = choose(worker(1));
    busy.is_in_transaction = true;
    choose(worker(2));
    answer([this](Life& life, Action) { server.end(life); });
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(taken(0), "terminate");
    EXPECT_EQ(plan[1].outcome, Outcome::not_running);
    EXPECT_EQ(taken(1), "");
}

TEST_F(Escalation, AWorkerInAnotherTransactionIsLeftAlone) {
    core::Session session = worker(1);
    session.xact_start = seconds(5);
    Life& life = choose(session);
    life.is_in_transaction = true;
    life.session.xact_start = seconds(6);
    escalate_all();
    EXPECT_EQ(plan[0].outcome, Outcome::not_running);
}

TEST_F(Escalation, SessionThatObeysIsReportedBeforeTheStepIsOver) {
    choose_active(1);
    choose_active(2);
    answer([this](Life& life, Action action) {
        if (life.session.id.pid == 1)
            server.after(seconds(1), [&life] { life.session.state = State::idle; });
        else if (action == Action::terminate)
            server.end(life);
    });
    escalate_all();
    EXPECT_EQ(observer.heard,
              (std::vector<std::string>{"1 cancelled", "step", "1 cancelled", "2 terminated", "step"}));
}

} // namespace sessionctl::test
