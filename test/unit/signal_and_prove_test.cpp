#include "core/sessions/plan_text.hpp"
#include "core/sessions/signal_and_prove.hpp"
#include "fake_server.hpp"
#include "memory.hpp"
#include "support.hpp"

#include <algorithm>
#include <random>
#include <stdexcept>

namespace sessionctl::test {

using core::Action;
using core::Outcome;
using core::Recheck;
using core::State;

namespace {

using Trace = std::vector<std::string>;

struct Interrupted : std::runtime_error {
    Interrupted() : std::runtime_error("canceling statement due to user request") {}
};

class SignalAndProve : public ServerTest {
  protected:
    Life& choose_active(std::int32_t pid) {
        core::Session session = client(pid);
        session.state = State::active;
        return choose(session);
    }

    Life& choose_in_transaction(std::int32_t pid) {
        core::Session session = client(pid);
        session.state = State::active;
        session.xact_start = session.query_start;
        return choose(session);
    }

    Life& choose_idle_in_transaction(std::int32_t pid) {
        core::Session session = client(pid);
        session.state = State::idle_in_transaction;
        return choose(session);
    }

    void signal(Action action = Action::terminate, Recheck recheck = Recheck::identity) {
        core::signal_all(plan, action, recheck, deadline, server);
    }

    /// The others were no longer as they had been chosen.
    void expect_first_alone_signalled(std::initializer_list<std::reference_wrapper<const Life>> lives) {
        std::size_t place = 0;
        for (const Life& life : lives) {
            EXPECT_EQ(plan[place].outcome, place == 0 ? Outcome::signalled : Outcome::no_longer_matches);
            EXPECT_EQ(life.signals, place == 0 ? 1 : 0);
            ++place;
        }
    }

    void prove(Action action = Action::terminate, core::Timestamp timeout = seconds(5)) {
        core::prove_all(plan, action, server.now() + timeout, server, observer);
    }

    void cancel() {
        signal(Action::cancel, Recheck::statement);
        prove(Action::cancel);
    }

    core::Timestamp deadline = forever; // of the signals

    void end_when_signalled(core::Timestamp delay) {
        server.on_signal = [this, delay](Life* life) {
            server.after(delay, [this, life] { server.end(*life); });
        };
    }

    std::size_t times(const char* call) const {
        return static_cast<std::size_t>(std::count(server.trace.begin(), server.trace.end(), call));
    }
};

/// What a signalled session does to its statement: stops it, and is idle from then on.
void become_idle(Life* life) {
    life->session.state = State::idle;
}

} // namespace

// One after the other

TEST_F(SignalAndProve, SessionWhoseTurnDoesNotComeInTimeIsNotReached) {
    for (std::int32_t pid = 1; pid <= 4; ++pid)
        choose(client(pid));
    deadline = server.now() + seconds(2);
    server.before_send = [this](Life*) { server.pass(seconds(1)); };
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
    EXPECT_EQ(plan[1].outcome, Outcome::signalled);
    EXPECT_EQ(plan[2].outcome, Outcome::not_reached);
    EXPECT_EQ(plan[3].outcome, Outcome::not_reached);
    EXPECT_EQ(core::summary(plan, Action::terminate), "matched 4: 2 signalled, 2 not reached");
    prove(Action::terminate, 0);
    EXPECT_EQ(plan[2].outcome, Outcome::not_reached);
    EXPECT_EQ(core::counted(plan, Action::terminate), 0);
}

TEST_F(SignalAndProve, ACancelEndsTheCallBetweenTwoSignals) {
    for (std::int32_t pid = 1; pid <= 3; ++pid)
        choose(client(pid));
    int turns = 0;
    server.on_check_interrupts = [&turns] {
        if (++turns == 2)
            throw Interrupted();
    };
    EXPECT_THROW(signal(), Interrupted);
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
    EXPECT_EQ(plan[1].outcome, Outcome::chosen);
    EXPECT_EQ(plan[2].outcome, Outcome::chosen);
}

TEST_F(SignalAndProve, ACancelEndsTheCallBetweenTwoLooks) {
    choose(client(1));
    choose(client(2));
    signal();
    int looks = 0;
    server.on_check_interrupts = [&looks] {
        if (++looks == 2)
            throw Interrupted();
    };
    EXPECT_THROW(prove(), Interrupted);
}

// Before the signal

TEST_F(SignalAndProve, PinsThenLooksThenSendsThenReleases) {
    choose(client(1));
    choose(client(2));
    signal();
    EXPECT_EQ(server.trace, (Trace{"pin 1", "look 1", "send 1", "release 1", //
                                   "pin 2", "look 2", "send 2", "release 2"}));
}

TEST_F(SignalAndProve, ReleasesWhatItDoesNotSignal) {
    Life& life = choose(client(1));
    server.leave_table(life);
    signal();
    EXPECT_EQ(server.trace, (Trace{"pin 1", "look 1", "release 1"}));
}

TEST_F(SignalAndProve, ReleasesNothingWhereNothingWasPinned) {
    server.end(choose(client(1)));
    signal();
    EXPECT_EQ(server.trace, Trace{"pin 1"});
}

TEST_F(SignalAndProve, ReleasesWhenALookThrows) {
    choose(client(1));
    server.before_look = [](Life*) { throw Interrupted(); };
    EXPECT_THROW(signal(), Interrupted);
    EXPECT_EQ(server.trace, (Trace{"pin 1", "release 1"}));
}

TEST_F(SignalAndProve, SendsTheActionItWasAskedFor) {
    Life& ended = choose(client(1));
    signal();
    EXPECT_EQ(ended.last_signal, Action::terminate);
    plan.clear();
    Life& cancelled = choose_active(2);
    signal(Action::cancel, Recheck::statement);
    EXPECT_EQ(cancelled.last_signal, Action::cancel);
}

TEST_F(SignalAndProve, TouchesOnlyTheChosen) {
    for (std::int32_t pid = 1; pid <= 10; ++pid)
        choose(client(pid));
    for (int outcome = 0; outcome < 10; ++outcome)
        plan[static_cast<std::size_t>(outcome)].outcome = static_cast<Outcome>(outcome);
    server.start(client(11)); // never matched
    signal();
    EXPECT_EQ(server.trace, (Trace{"pin 1", "look 1", "send 1", "release 1"}));
    EXPECT_EQ(plan[1].outcome, Outcome::terminated);
    EXPECT_EQ(plan[7].outcome, Outcome::spared);
}

// Identity

TEST_F(SignalAndProve, APidReusedBeforeItIsPinnedIsLeftAlone) {
    Life& life = choose(client(1));
    server.end(life);
    Life& bystander = server.start_successor(life);
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::already_gone);
    EXPECT_EQ(bystander.signals, 0);
}

TEST_F(SignalAndProve, APidReusedAtTheLastMomentIsLeftAlone) {
    for (FakeServer::Hook FakeServer::*const moment :
         {&FakeServer::before_pin, &FakeServer::before_look, &FakeServer::before_send}) {
        plan.clear();
        server = FakeServer();
        Life& life = choose(client(1));
        Life* bystander = nullptr;
        server.*moment = [&](Life*) {
            if (bystander != nullptr)
                return;
            server.end(life);
            bystander = &server.start_successor(life);
        };
        signal();
        EXPECT_EQ(plan[0].outcome, Outcome::already_gone);
        ASSERT_NE(bystander, nullptr);
        EXPECT_EQ(bystander->signals, 0);
    }
}

TEST_F(SignalAndProve, APidReusedByAnotherSlotIsLeftAlone) {
    Life& life = choose(client(1));
    server.end(life);
    core::Session other = client(1);
    other.id.start += seconds(1);
    Life& bystander = server.start(other);
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::already_gone);
    EXPECT_EQ(bystander.signals, 0);
}

TEST_F(SignalAndProve, ASessionThatEndedBetweenChoiceAndSignalIsAlreadyGone) {
    server.end(choose(client(1)));
    Life& other = choose(client(2));
    server.before_send = [this](Life* life) { server.end(*life); };
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::already_gone);
    EXPECT_EQ(plan[1].outcome, Outcome::already_gone);
    EXPECT_EQ(plan[0].reason, nullptr);
    EXPECT_EQ(other.signals, 0);
}

TEST_F(SignalAndProve, ASessionOutOfTheTableIsAlreadyGone) {
    Life& life = choose(client(1));
    server.leave_table(life);
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::already_gone);
    EXPECT_EQ(life.signals, 0);
}

TEST_F(SignalAndProve, NeverHitsABystanderHoweverPidsAreReused) {
    std::mt19937 random(20250102);
    constexpr std::int32_t number = 500;
    std::vector<Life*> chosen;
    for (std::int32_t pid = 0; pid < number; ++pid)
        chosen.push_back(&choose(client(pid + 1)));
    std::vector<Life*> bystanders;
    const auto churn = [&](Life* life) {
        if (life == nullptr || random() % 4 != 0)
            return;
        server.end(*life);
        if (random() % 4 != 0)
            bystanders.push_back(&server.start_successor(*life));
    };
    server.before_pin = server.before_look = server.before_send = churn;
    end_when_signalled(milliseconds(3));
    signal();
    server.before_look = nullptr;
    prove();

    for (const Life* bystander : bystanders)
        EXPECT_EQ(bystander->signals, 0) << bystander->session.id.pid;
    std::int64_t signalled = 0;
    for (std::size_t i = 0; i < chosen.size(); ++i) {
        EXPECT_EQ(plan[i].outcome, chosen[i]->signals == 1 ? Outcome::terminated : Outcome::already_gone);
        signalled += chosen[i]->signals;
    }
    EXPECT_EQ(counted(plan, Action::terminate), signalled);
    EXPECT_GT(signalled, number / 4);
    EXPECT_GT(bystanders.size(), static_cast<std::size_t>(number) / 4);
}

// The signal

TEST_F(SignalAndProve, OneThatTheSystemRefusesDoesNotStopTheRest) {
    choose(client(1)).refuses = true;
    Life& second = choose(client(2));
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::denied);
    EXPECT_STREQ(plan[0].reason, "the operating system refused the signal");
    EXPECT_EQ(plan[1].outcome, Outcome::signalled);
    EXPECT_EQ(second.signals, 1);
}

TEST_F(SignalAndProve, SaysWhenACommitWaitedForAStandby) {
    choose(client(1)).awaits_standby = true;
    choose(client(2));
    end_when_signalled(milliseconds(1));
    signal();
    prove();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    ASSERT_NE(plan[0].reason, nullptr);
    EXPECT_NE(std::string_view(plan[0].reason).find("synchronous standby"), std::string_view::npos);
    EXPECT_EQ(plan[1].reason, nullptr);
}

TEST_F(SignalAndProve, SignalsNoSessionThatIsSparedAtThatMoment) {
    Life& first = choose(client(1));
    Life& second = choose(client(2));
    server.before_pin = [&first](Life*) { first.is_spared = true; };
    signal();
    EXPECT_EQ(plan[0].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(plan[0].signalled_at, 0);
    EXPECT_EQ(first.signals, 0);
    EXPECT_EQ(plan[1].outcome, Outcome::signalled);
    EXPECT_EQ(second.signals, 1);
}

TEST_F(SignalAndProve, NotesWhenItSignalled) {
    choose(client(1));
    choose(client(2));
    server.on_signal = [this](Life*) { server.pass(milliseconds(2)); };
    const core::Timestamp start = server.now();
    signal();
    EXPECT_EQ(plan[0].signalled_at, start);
    EXPECT_EQ(plan[1].signalled_at, start + milliseconds(2));
}

TEST_F(SignalAndProve, NeedsNoMemoryToSignal) {
    choose(client(1));
    {
        const MemoryExhausted exhausted;
        signal();
    }
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
}

// What must still be true

TEST(Recheck, OfIdentityAsksOnlyForTheSession) {
    core::Session chosen = client(1);
    for (const State state : {State::idle, State::active, State::disabled}) {
        EXPECT_EQ(outcome_of_recheck(Recheck::identity, chosen, {true, true, state, 5, 5}), Outcome::chosen);
        EXPECT_EQ(outcome_of_recheck(Recheck::identity, chosen, {false, true, state, 5, 5}),
                  Outcome::already_gone);
    }
}

TEST(Recheck, ACallByTheFastPathIsTheSameAsLongAsItsStateIs) {
    core::Session chosen = client(1);
    chosen.state = State::fastpath;
    const auto verdict_since = [&](core::Timestamp state_change) {
        return outcome_of_recheck(Recheck::statement, chosen,
                                  {true, true, State::fastpath, state_change, chosen.query_start});
    };
    EXPECT_EQ(verdict_since(chosen.state_change), Outcome::chosen);
    EXPECT_EQ(verdict_since(chosen.state_change + 1), Outcome::no_longer_matches);
}

TEST(Recheck, OfAStatementAsksForTheSameStatement) {
    core::Session chosen = client(1);
    chosen.state = State::active;
    const core::Timestamp start = chosen.query_start;
    const auto verdict_on = [&](State state, core::Timestamp query_start) {
        return outcome_of_recheck(Recheck::statement, chosen, {true, true, state, 0, query_start});
    };
    EXPECT_EQ(verdict_on(State::active, start), Outcome::chosen);
    EXPECT_EQ(verdict_on(State::fastpath, start), Outcome::no_longer_matches) << "it has begun since";
    EXPECT_EQ(verdict_on(State::active, start + 1), Outcome::no_longer_matches);
    EXPECT_EQ(verdict_on(State::idle, start), Outcome::not_running);
    EXPECT_EQ(verdict_on(State::idle_in_transaction, start), Outcome::not_running);
    EXPECT_EQ(outcome_of_recheck(Recheck::statement, chosen, {false, true, State::active, 0, start}),
              Outcome::already_gone);
    chosen.state = State::idle; // matched while it ran nothing: what runs now was never chosen
    EXPECT_EQ(verdict_on(State::active, start), Outcome::not_running);
    EXPECT_EQ(verdict_on(State::active, start + 1), Outcome::not_running);
}

TEST(Recheck, OfIdlenessAsksForTheSamePause) {
    core::Session chosen = client(1);
    chosen.state = State::idle_in_transaction;
    const core::Timestamp since = chosen.state_change;
    const State idle_states[] = {State::idle, State::idle_in_transaction, State::idle_in_transaction_aborted};
    for (const State was : idle_states) {
        chosen.state = was;
        for (const State is : idle_states) {
            const bool is_same = is == was;
            EXPECT_EQ(outcome_of_recheck(Recheck::idleness, chosen, {true, true, is, since, 0, 0}),
                      is_same ? Outcome::chosen : Outcome::no_longer_matches)
                << core::state_name(was) << ", then " << core::state_name(is);
            EXPECT_EQ(outcome_of_recheck(Recheck::idleness, chosen, {true, true, is, since + 1, 0, 0}),
                      Outcome::no_longer_matches);
        }
        EXPECT_EQ(outcome_of_recheck(Recheck::idleness, chosen, {true, true, State::active, since, 0, 0}),
                  Outcome::no_longer_matches);
        EXPECT_EQ(outcome_of_recheck(Recheck::idleness, chosen, {false, true, was, since, 0, 0}),
                  Outcome::already_gone);
    }
}

// Up to 12 one that streams shows itself idle.
TEST(Recheck, OfIdlenessSparesAStreamingWalsender) {
    core::Session chosen = client(1);
    chosen.kind = core::Kind::database_walsender;
    EXPECT_EQ(outcome_of_recheck(Recheck::idleness, chosen,
                                 {true, true, State::idle, chosen.state_change, 0, 0, true}),
              Outcome::no_longer_matches);
}

TEST(Recheck, OfIdlenessSparesASessionThatWasNotIdle) {
    core::Session chosen = client(1);
    for (const State state :
         {State::undefined, State::starting, State::active, State::fastpath, State::disabled}) {
        chosen.state = state;
        EXPECT_EQ(
            outcome_of_recheck(Recheck::idleness, chosen, {true, true, state, chosen.state_change, 0, 0}),
            Outcome::no_longer_matches);
    }
}

// Whatever it does there.
TEST(Recheck, OfATransactionAsksForTheSameTransaction) {
    core::Session chosen = client(1);
    chosen.state = State::active;
    chosen.xact_start = seconds(70);
    for (const State state :
         {State::active, State::fastpath, State::idle_in_transaction, State::idle_in_transaction_aborted}) {
        const auto verdict_on = [&](core::Timestamp xact_start) {
            return outcome_of_recheck(Recheck::transaction, chosen,
                                      {true, true, state, seconds(99), seconds(99), xact_start});
        };
        EXPECT_EQ(verdict_on(seconds(70)), Outcome::chosen);
        EXPECT_EQ(verdict_on(seconds(70) + 1), Outcome::no_longer_matches);
        EXPECT_EQ(verdict_on(0), Outcome::no_longer_matches);
        EXPECT_EQ(outcome_of_recheck(Recheck::transaction, chosen, {false, true, state, 0, 0, seconds(70)}),
                  Outcome::already_gone);
    }
}

TEST(Recheck, OfNoOtherTransactionAsksForTheSameTransactionOrStatementOrNoTransaction) {
    core::Session chosen = client(1);
    chosen.state = State::active;
    chosen.xact_start = seconds(70);
    const core::Timestamp start = chosen.query_start;
    const auto verdict_on = [&chosen](core::Timestamp query_start, core::Timestamp xact_start) {
        return outcome_of_recheck(Recheck::no_other_transaction, chosen,
                                  {true, true, State::undefined, seconds(99), query_start, xact_start});
    };
    EXPECT_EQ(verdict_on(start + 1, seconds(70)), Outcome::chosen);
    EXPECT_EQ(verdict_on(start, seconds(71)), Outcome::chosen) << "a procedure that commits";
    EXPECT_EQ(verdict_on(start + 1, seconds(71)), Outcome::no_longer_matches);
    EXPECT_EQ(verdict_on(start + 1, 0), Outcome::chosen);
    chosen.xact_start = 0;
    EXPECT_EQ(verdict_on(start + 1, seconds(71)), Outcome::no_longer_matches);
    chosen.query_start = 0; // it reports no statements
    EXPECT_EQ(verdict_on(0, seconds(71)), Outcome::no_longer_matches);
    EXPECT_EQ(verdict_on(0, 0), Outcome::chosen);
    EXPECT_EQ(outcome_of_recheck(Recheck::no_other_transaction, chosen, {false, true, State::idle, 0, 0, 0}),
              Outcome::already_gone);
}

TEST(Recheck, OfASelectionAsksForTheSameTransactionOrNoneAllTheTime) {
    core::Session chosen = client(1);
    chosen.state = State::active;
    chosen.xact_start = seconds(70);
    const auto verdict_on = [&chosen](State state, core::Timestamp state_change, core::Timestamp xact_start) {
        return outcome_of_recheck(Recheck::selection, chosen,
                                  {true, true, state, state_change, seconds(99), xact_start});
    };
    EXPECT_EQ(verdict_on(State::idle_in_transaction, seconds(99), seconds(70)), Outcome::chosen);
    EXPECT_EQ(verdict_on(State::active, seconds(99), seconds(70) + 1), Outcome::no_longer_matches);
    EXPECT_EQ(verdict_on(State::idle, seconds(99), 0), Outcome::no_longer_matches);

    chosen.state = State::idle;
    chosen.state_change = seconds(80);
    chosen.xact_start = 0;
    EXPECT_EQ(verdict_on(State::idle, seconds(80), 0), Outcome::chosen);
    EXPECT_EQ(verdict_on(State::idle, seconds(80) + 1, 0), Outcome::no_longer_matches) << "in one between";
    chosen.state = State::disabled;
    chosen.state_change = 0;
    EXPECT_EQ(verdict_on(State::disabled, 0, 0), Outcome::no_longer_matches) << "nobody knows";
}

TEST_F(SignalAndProve, LooksOnceMoreForASessionThatIsNotInItsSlot) {
    Life& stayed = choose_in_transaction(1);
    Life& let_go = choose_in_transaction(2);
    Life& kept = choose_in_transaction(3);
    Life& left = choose_in_transaction(4);
    for (Life* const life : {&let_go, &kept, &left})
        life->session.xact_start = 0;
    kept.is_found = left.is_found = true;
    server.before_find = [this, &left](Life* life) {
        if (life == &left)
            server.leave_table(left);
    };
    signal(Action::terminate, Recheck::selection);
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
    EXPECT_EQ(plan[1].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(plan[2].outcome, Outcome::signalled);
    EXPECT_EQ(plan[3].outcome, Outcome::already_gone);
    EXPECT_EQ(stayed.signals + kept.signals, 2);
    EXPECT_EQ(let_go.signals + left.signals, 0);
    EXPECT_EQ(std::count(server.trace.begin(), server.trace.end(), "find 1"), 0);
}

TEST_F(SignalAndProve, LooksForAWaitAlways) {
    const auto choose_active = [this](std::int32_t pid) -> Life& {
        core::Session session = client(pid);
        session.state = State::active;
        return choose(session);
    };
    Life& waits = choose_active(1);
    Life& goes_on = choose_active(2);
    Life& next = choose_active(3);
    Life& late = choose_active(4);
    Life& idle = choose_active(5);
    for (Life* const life : {&waits, &next, &late, &idle})
        life->is_found = true;
    next.session.query_start += 1;
    idle.session.state = State::idle_in_transaction;
    server.before_find = [&late](Life* life) {
        if (life == &late)
            late.session.query_start += 1;
    };
    signal(Action::cancel, Recheck::wait);
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
    EXPECT_EQ(plan[1].outcome, Outcome::no_longer_matches) << "the same statement, but it waits no more";
    EXPECT_EQ(plan[2].outcome, Outcome::no_longer_matches) << "it waits, but in another statement";
    EXPECT_EQ(plan[3].outcome, Outcome::no_longer_matches) << "the same, at the last moment";
    EXPECT_EQ(plan[4].outcome, Outcome::not_running);
    EXPECT_EQ(waits.signals, 1);
    EXPECT_EQ(goes_on.signals + next.signals + late.signals + idle.signals, 0);
}

TEST_F(SignalAndProve, LeavesAloneASessionThatDoesSomethingMeanwhile) {
    Life& idle = choose_idle_in_transaction(1);
    Life& busy = choose_idle_in_transaction(2);
    Life& returned = choose_idle_in_transaction(3);
    busy.session.state = State::active;
    returned.session.state_change += 1;
    signal(Action::terminate, Recheck::idleness);
    expect_first_alone_signalled({idle, busy, returned});
}

TEST_F(SignalAndProve, LeavesAloneASessionWhoseTransactionEndedMeanwhile) {
    Life& goes_on = choose_in_transaction(1);
    Life& committed = choose_in_transaction(2);
    Life& began_another = choose_in_transaction(3);
    goes_on.session.state = State::idle_in_transaction;
    goes_on.session.state_change += 1;
    committed.session.state = State::idle;
    committed.session.xact_start = 0;
    began_another.session.xact_start += 1;
    signal(Action::terminate, Recheck::transaction);
    expect_first_alone_signalled({goes_on, committed, began_another});
}

// Cancel

TEST_F(SignalAndProve, CancelsARunningStatement) {
    choose_active(1);
    server.on_signal = become_idle;
    cancel();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
    EXPECT_EQ(counted(plan, Action::cancel), 1);
}

TEST_F(SignalAndProve, ANextStatementProvesTheCancel) {
    choose_active(1);
    server.on_signal = [](Life* life) { life->session.query_start += 1; };
    cancel();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
}

TEST_F(SignalAndProve, DoesNotCancelWhatWasNotChosen) {
    Life& idle = choose(client(1));
    Life& done = choose_active(2);
    Life& other = choose_active(3);
    done.session.state = State::idle;
    other.session.query_start += 1;
    server.on_signal = become_idle;
    cancel();
    EXPECT_EQ(plan[0].outcome, Outcome::not_running);
    EXPECT_EQ(plan[1].outcome, Outcome::not_running);
    EXPECT_EQ(plan[2].outcome, Outcome::no_longer_matches);
    EXPECT_EQ(idle.signals + done.signals + other.signals, 0);
    EXPECT_EQ(counted(plan, Action::cancel), 0);
}

// With track_activities off nobody can tell.
TEST_F(SignalAndProve, SaysWhenAStatementCannotBeSeen) {
    Life& untracked = choose(client(1));
    untracked.session.state = plan[0].session.state = State::disabled;
    choose(client(2));
    cancel();
    EXPECT_EQ(plan[0].outcome, Outcome::not_running);
    EXPECT_STREQ(plan[0].reason, "track_activities is off: whether it runs a statement is not known");
    EXPECT_EQ(plan[1].outcome, Outcome::not_running);
    EXPECT_EQ(plan[1].reason, nullptr);
    EXPECT_EQ(untracked.signals, 0);
}

TEST_F(SignalAndProve, AStatementWhoseSessionEndsIsCancelledToo) {
    choose_active(1);
    end_when_signalled(milliseconds(4));
    cancel();
    EXPECT_EQ(plan[0].outcome, Outcome::cancelled);
}

TEST_F(SignalAndProve, AStatementThatGoesOnIsStillRunning) {
    choose_active(1);
    cancel();
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
    EXPECT_EQ(counted(plan, Action::cancel), 0);
}

TEST_F(SignalAndProve, ACancelledStatementIsNoEndedSession) {
    choose_active(1);
    server.on_signal = become_idle;
    signal(Action::terminate);
    prove(Action::terminate);
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
}

// The proof

TEST_F(SignalAndProve, ProvesTheEndOfASession) {
    choose(client(1));
    end_when_signalled(milliseconds(7));
    signal();
    prove();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_GE(plan[0].elapsed, milliseconds(7));
    EXPECT_LE(plan[0].elapsed, milliseconds(14));
}

// Core's table forgets a session before its process is gone and its locks are free.
TEST_F(SignalAndProve, OutOfTheTableIsNotGoneYet) {
    choose(client(1));
    server.on_signal = [this](Life* life) {
        server.leave_table(*life);
        server.after(milliseconds(100), [this, life] { server.end(*life); });
    };
    signal();
    prove();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_GE(plan[0].elapsed, milliseconds(100));
}

TEST_F(SignalAndProve, OutOfTheTableButNotOutOfTheProcessArrayIsStillRunning) {
    choose(client(1));
    server.on_signal = [this](Life* life) { server.leave_table(*life); };
    signal();
    prove();
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
}

TEST_F(SignalAndProve, ASuccessorWithTheSamePidDoesNotDelayTheProof) {
    choose(client(1));
    server.on_signal = [this](Life* life) {
        server.end(*life);
        server.start_successor(*life);
    };
    signal();
    prove();
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_TRUE(server.sleeps.empty());
}

TEST_F(SignalAndProve, LooksOnceEvenWithoutTime) {
    choose(client(1));
    server.on_signal = [this](Life* life) { server.end(*life); };
    signal();
    prove(Action::terminate, 0);
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_TRUE(server.sleeps.empty());
}

TEST_F(SignalAndProve, StopsAtTheDeadline) {
    choose(client(1));
    signal();
    const core::Timestamp start = server.now();
    prove(Action::terminate, milliseconds(250));
    EXPECT_EQ(plan[0].outcome, Outcome::still_running);
    EXPECT_GE(server.now() - start, milliseconds(250));
    EXPECT_LE(server.now() - start, milliseconds(251));
    EXPECT_EQ(plan[0].elapsed, server.now() - plan[0].signalled_at);
}

TEST_F(SignalAndProve, CountsWhatIsDoneAtTheDeadline) {
    choose(client(1));
    end_when_signalled(milliseconds(250));
    signal();
    prove(Action::terminate, milliseconds(250));
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
}

TEST_F(SignalAndProve, ASlowLookDoesNotHideAnEndBeforeTheDeadline) {
    Life& first = choose(client(1));
    choose(client(2));
    server.after(milliseconds(3), [&] { server.end(first); });
    signal();
    server.before_look = [this](Life* life) {
        if (life != nullptr && life->session.id.pid == 2)
            server.pass(milliseconds(10));
    };
    prove(Action::terminate, milliseconds(5));
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(plan[1].outcome, Outcome::still_running);
}

TEST_F(SignalAndProve, PausesAreAFiftiethOfTheWaitFromOneToTwentyMilliseconds) {
    choose(client(1));
    signal();
    prove(Action::terminate, seconds(3));
    core::Timestamp waited = 0;
    for (const core::Timestamp pause : server.sleeps) {
        const core::Timestamp left = seconds(3) - waited;
        EXPECT_EQ(pause, std::min(left, std::clamp(waited / 50, milliseconds(1), milliseconds(20))))
            << "after " << waited << " us";
        waited += pause;
    }
    EXPECT_EQ(waited, seconds(3));
}

TEST_F(SignalAndProve, PausesAreNeverShorterThanTheClockCanSleep) {
    choose(client(1));
    signal();
    prove(Action::terminate, 1500);
    EXPECT_EQ(server.sleeps, (std::vector<core::Timestamp>{milliseconds(1), milliseconds(1)}));
}

TEST_F(SignalAndProve, WatchesAllSideBySide) {
    for (std::int32_t pid = 1; pid <= 100; ++pid)
        choose(client(pid));
    end_when_signalled(milliseconds(50));
    const core::Timestamp start = server.now();
    signal();
    prove();
    EXPECT_EQ(counted(plan, Action::terminate), 100);
    EXPECT_LE(server.now() - start, milliseconds(100));
}

TEST_F(SignalAndProve, DoesNotLookAgainAtWhatIsProven) {
    choose(client(1));
    choose(client(2));
    server.on_signal = [this](Life* life) {
        if (life->session.id.pid == 1)
            server.end(*life);
    };
    signal();
    server.trace.clear();
    prove();
    EXPECT_EQ(times("look 1"), 1u);
    EXPECT_GT(times("look 2"), 10u);
}

TEST_F(SignalAndProve, ProvesOnlyWhatWasSignalled) {
    choose(client(1));
    choose(client(2)).refuses = true;
    server.end(choose(client(3)));
    signal();
    server.trace.clear();
    prove();
    EXPECT_GT(times("look 1"), 0u);
    EXPECT_EQ(times("look 2") + times("look 3"), 0u);
    EXPECT_EQ(plan[1].outcome, Outcome::denied);
    EXPECT_EQ(plan[2].outcome, Outcome::already_gone);
}

TEST_F(SignalAndProve, NothingSignalledIsNothingToWaitFor) {
    server.end(choose(client(1)));
    signal();
    prove();
    EXPECT_TRUE(server.sleeps.empty());
}

// A cancelled call records in its audit what it has done: what is known by then has to be in the plan.
TEST_F(SignalAndProve, ACancelDuringTheWaitKeepsWhatIsKnown) {
    choose(client(1));
    choose(client(2));
    server.on_signal = [this](Life* life) {
        if (life->session.id.pid == 1)
            server.after(milliseconds(2), [this, life] { server.end(*life); });
    };
    signal();
    server.on_sleep = [this] {
        if (server.sleeps.size() == 4)
            throw Interrupted();
    };
    EXPECT_THROW(prove(), Interrupted);
    EXPECT_EQ(plan[0].outcome, Outcome::terminated);
    EXPECT_EQ(plan[1].outcome, Outcome::signalled);
}

TEST_F(SignalAndProve, WithoutMemoryForTheProofTheSignalledStaySignalled) {
    choose(client(1));
    signal();
    {
        const MemoryExhausted exhausted;
        EXPECT_THROW(prove(), std::bad_alloc);
    }
    EXPECT_EQ(plan[0].outcome, Outcome::signalled);
}

TEST_F(SignalAndProve, TenThousandSessions) {
    constexpr std::int32_t number = 10000;
    std::vector<Life*> lives;
    for (std::int32_t pid = 1; pid <= number; ++pid)
        lives.push_back(&choose(client(pid)));
    server.on_signal = [this](Life* life) {
        server.after(milliseconds(life->session.id.pid % 400), [this, life] { server.end(*life); });
    };
    signal();
    prove();
    EXPECT_EQ(counted(plan, Action::terminate), number);
    EXPECT_TRUE(std::all_of(lives.begin(), lives.end(), [](const Life* life) { return life->signals == 1; }));
    EXPECT_EQ(summary(plan, Action::terminate), "");
}

TEST_F(SignalAndProve, ResultsAreToldWhileOthersAreWaitedFor) {
    choose_active(1);
    choose_active(2);
    choose_active(3);
    choose_active(4).refuses = true;
    server.on_signal = [this](Life* life) {
        if (life->session.id.pid == 1)
            server.end(*life);
        if (life->session.id.pid == 2)
            server.after(seconds(1), [=] { server.end(*life); });
    };
    server.on_sleep = [this] { observer.pause(); };
    signal();
    EXPECT_EQ(observer.heard, Trace{}) << "nothing is known yet";
    prove();
    EXPECT_EQ(observer.heard, (Trace{"4 denied", "1 terminated", "pause", "2 terminated", "pause"}))
        << "what is not known at the end is not told of";
}

TEST_F(SignalAndProve, WhatWasToldIsNotUndoneByAnInterrupt) {
    choose_active(1);
    choose_active(2);
    server.on_signal = [this](Life* life) {
        if (life->session.id.pid == 1)
            server.end(*life);
    };
    server.on_sleep = [] { throw Interrupted(); };
    signal();
    EXPECT_THROW(prove(), Interrupted);
    EXPECT_EQ(observer.heard, Trace{"1 terminated"});
    EXPECT_EQ(plan[1].outcome, Outcome::signalled);
}

} // namespace sessionctl::test
