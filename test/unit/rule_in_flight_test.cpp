// A rule's action on one session, as a state that each tick moves on.
#include "core/rules/rule_in_flight.hpp"
#include "fake_server.hpp"
#include "support.hpp"

#include <functional>
#include <optional>

namespace sessionctl::test {

using core::Action;
using core::DrainAnswer;
using core::Outcome;
using core::RuleAction;
using core::Session;
using core::State;
using core::Step;
using core::Timestamp;

namespace {

constexpr Timestamp tick = 100 * core::microseconds_per_millisecond;

class RuleInFlight : public testing::Test {
  protected:
    RuleInFlight() {
        rule.step = seconds(2);
        rule.timeout = seconds(10);
    }

    Life& session_in(State state, Timestamp xact_start = 0) {
        Session session = client(1);
        session.state = state;
        session.xact_start = xact_start;
        life = &server.start(session);
        return *life;
    }

    /// The first look: what is due at once is done. True when it is over.
    bool act(RuleAction action) {
        rule.action = action;
        flight.emplace(core::RuleMeans(rule), life->session, server.now());
        return flight->move_on(server, requester);
    }
    /// Ticks until it is over, or for that time. True when it is over.
    bool is_over_within(Timestamp time) {
        for (const Timestamp end = server.now() + time; server.now() < end;) {
            server.pass(tick);
            if (flight->move_on(server, requester))
                return true;
        }
        return false;
    }
    bool is_over_at_next_tick() { return is_over_within(tick); }

    Outcome outcome() const { return flight->target().outcome; }
    bool has_acted() const { return flight->has_acted(); }

    void stop_statement() { life->session.state = State::idle; }

    core::SessionRule rule;
    FakeServer server;
    FakeRequester requester;
    Life* life = nullptr;
    std::optional<core::RuleInFlight> flight;
};

} // namespace

TEST_F(RuleInFlight, NeverWaits) {
    session_in(State::active);
    for (const RuleAction action :
         {RuleAction::drain, RuleAction::cancel, RuleAction::escalate, RuleAction::terminate}) {
        act(action);
        is_over_within(seconds(30));
    }
    EXPECT_TRUE(server.sleeps.empty());
}

// --- cancel

TEST_F(RuleInFlight, ACancelIsOverWhenTheStatementIs) {
    session_in(State::active);
    EXPECT_FALSE(act(RuleAction::cancel));
    EXPECT_EQ(life->last_signal, Action::cancel);
    EXPECT_TRUE(has_acted());
    EXPECT_FALSE(is_over_at_next_tick());
    stop_statement();
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::cancelled);
    EXPECT_EQ(flight->target().elapsed, 2 * tick);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, ACancelIsOverWhenTheNextStatementRuns) {
    session_in(State::active);
    act(RuleAction::cancel);
    life->session.query_start += 1;
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::cancelled);
}

TEST_F(RuleInFlight, ACancelIsGivenUpWhenItsStepIsOver) {
    session_in(State::active);
    act(RuleAction::cancel);
    EXPECT_EQ(flight->due(), server.now() + rule.step);
    EXPECT_FALSE(is_over_within(rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, WhatIsDoneAtTheEndStillCounts) {
    session_in(State::active);
    act(RuleAction::cancel);
    is_over_within(rule.step - tick);
    stop_statement();
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::cancelled);
}

TEST_F(RuleInFlight, NobodyIsCancelledUnderALaterStatement) {
    session_in(State::active);
    server.before_look = [](Life* each) { each->session.query_start += 1; };
    EXPECT_TRUE(act(RuleAction::cancel));
    EXPECT_EQ(outcome(), Outcome::no_longer_matches);
    EXPECT_EQ(life->signals, 0);
    EXPECT_FALSE(has_acted()) << "the rule is not charged";
}

TEST_F(RuleInFlight, WhoIsIdleHasNothingToCancel) {
    session_in(State::idle_in_transaction, 7);
    EXPECT_TRUE(act(RuleAction::cancel));
    EXPECT_EQ(outcome(), Outcome::not_running);
    EXPECT_FALSE(has_acted());
}

// --- terminate

TEST_F(RuleInFlight, ATerminationIsOverWhenTheSessionIsGone) {
    session_in(State::active);
    EXPECT_FALSE(act(RuleAction::terminate));
    EXPECT_EQ(life->last_signal, Action::terminate);
    EXPECT_TRUE(has_acted());
    stop_statement();
    EXPECT_FALSE(is_over_at_next_tick()) << "it is still there";
    server.end(*life);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(RuleInFlight, ATerminationIsGivenUpAtTheTimeout) {
    session_in(State::active);
    act(RuleAction::terminate);
    EXPECT_FALSE(is_over_within(rule.timeout - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, NobodyIsTerminatedUnderALaterStatement) {
    session_in(State::active);
    server.before_look = [](Life* each) { each->session.query_start += 1; };
    EXPECT_TRUE(act(RuleAction::terminate));
    EXPECT_EQ(life->signals, 0);
    EXPECT_FALSE(has_acted());
}

TEST_F(RuleInFlight, WhoWasIdleIsTerminatedOnlyIfItStillIs) {
    session_in(State::idle_in_transaction, 7);
    server.before_look = [](Life* each) { each->session.state_change += 1; };
    EXPECT_TRUE(act(RuleAction::terminate));
    EXPECT_EQ(outcome(), Outcome::no_longer_matches);
    server.before_look = nullptr;
    EXPECT_FALSE(act(RuleAction::terminate));
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, WhoReportsNoStateIsTerminated) {
    for (const State state : {State::undefined, State::disabled}) {
        session_in(state);
        EXPECT_FALSE(act(RuleAction::terminate));
        EXPECT_EQ(life->signals, 1);
        server.end(*life);
    }
}

TEST_F(RuleInFlight, WhoWasLoggingInIsNotTerminatedUnderItsFirstStatement) {
    const auto changes = {std::function<void(Life&)>([](Life& each) { each.session.state = State::active; }),
                          std::function<void(Life&)>([](Life& each) { each.session.state_change += 1; }),
                          std::function<void(Life&)>([](Life& each) { each.session.query_start += 1; })};
    for (const auto& change : changes) {
        session_in(State::undefined);
        server.before_look = [&change](Life* each) { change(*each); };
        EXPECT_TRUE(act(RuleAction::terminate));
        EXPECT_EQ(outcome(), Outcome::no_longer_matches);
        EXPECT_EQ(life->signals, 0);
        server.end(*life);
    }
}

TEST_F(RuleInFlight, WhoIsSparedAtTheLastMomentIsNotSignalled) {
    session_in(State::active).is_spared = true;
    for (const RuleAction action : {RuleAction::cancel, RuleAction::terminate, RuleAction::escalate}) {
        EXPECT_TRUE(act(action));
        EXPECT_EQ(outcome(), Outcome::no_longer_matches);
        EXPECT_FALSE(has_acted());
    }
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, ARefusedSignalIsAnOutcome) {
    session_in(State::active).refuses = true;
    EXPECT_TRUE(act(RuleAction::terminate));
    EXPECT_EQ(outcome(), Outcome::denied);
    EXPECT_FALSE(has_acted());
}

// --- escalate

TEST_F(RuleInFlight, AnEscalationEndsWithTheStepThatIsObeyed) {
    session_in(State::active);
    EXPECT_FALSE(act(RuleAction::escalate));
    EXPECT_EQ(life->last_signal, Action::cancel);
    stop_statement();
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::cancelled);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, AnEscalationTakesEachStepWhenTheOneBeforeIsOver) {
    session_in(State::active);
    rule.closes_sockets = true;
    act(RuleAction::escalate);
    EXPECT_FALSE(is_over_within(rule.step - tick));
    EXPECT_EQ(life->signals, 1);
    EXPECT_FALSE(is_over_at_next_tick());
    EXPECT_EQ(life->signals, 2);
    EXPECT_EQ(life->last_signal, Action::terminate);
    EXPECT_FALSE(life->is_cut_off);
    EXPECT_FALSE(is_over_within(rule.step - tick));
    EXPECT_FALSE(life->is_cut_off);
    EXPECT_FALSE(is_over_at_next_tick());
    EXPECT_TRUE(life->is_cut_off);
    EXPECT_EQ(flight->target().step(Step::terminate).outcome, Outcome::still_running);
    server.end(*life);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::terminated);
    EXPECT_EQ(flight->target().elapsed, 2 * rule.step + tick) << "from the first step on";
}

TEST_F(RuleInFlight, AnEscalationClosesNoSocketUnlessTheRuleSaysSo) {
    session_in(State::active);
    act(RuleAction::escalate);
    EXPECT_FALSE(is_over_within(2 * rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_FALSE(life->is_cut_off);
}

TEST_F(RuleInFlight, AnEscalationEndsAfterItsLastStep) {
    session_in(State::active);
    rule.closes_sockets = true;
    act(RuleAction::escalate);
    EXPECT_FALSE(is_over_within(3 * rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
}

TEST_F(RuleInFlight, AnEscalationThatMayNotCloseTheSocketIsOver) {
    session_in(State::active).closing = core::Closing::Result::denied;
    rule.closes_sockets = true;
    act(RuleAction::escalate);
    EXPECT_FALSE(is_over_within(2 * rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::not_permitted);
}

TEST_F(RuleInFlight, WhoIsIdleInTransactionIsTerminatedAtOnce) {
    session_in(State::idle_in_transaction, 7);
    EXPECT_FALSE(act(RuleAction::escalate));
    EXPECT_EQ(life->signals, 1);
    EXPECT_EQ(life->last_signal, Action::terminate);
    EXPECT_NE(flight->target().step(Step::terminate).at, 0);
    server.end(*life);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(RuleInFlight, WhoIsIdleInTransactionAfterAStatementIsNotEscalated) {
    session_in(State::idle_in_transaction, 7);
    flight.reset();
    const Session matched = life->session;
    life->session.state_change += 1;
    rule.action = RuleAction::escalate;
    flight.emplace(core::RuleMeans(rule), matched, server.now());
    EXPECT_TRUE(flight->move_on(server, requester));
    EXPECT_EQ(outcome(), Outcome::no_longer_matches);
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, WhoIsIdleOutsideOfATransactionIsNotEscalated) {
    session_in(State::idle);
    EXPECT_TRUE(act(RuleAction::escalate));
    EXPECT_EQ(outcome(), Outcome::not_running);
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, WhoLeavesItsTransactionBeforeTheSecondStepHasObeyed) {
    session_in(State::active, 7);
    act(RuleAction::escalate);
    life->session.state = State::idle_in_transaction_aborted;
    life->session.xact_start = 0;
    EXPECT_FALSE(is_over_within(rule.step - tick));
    server.before_pin = [](Life* each) { each->session.state = State::idle; };
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::cancelled);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, WhoGoesOnToAnotherStatementBeforeTheSecondStepHasObeyed) {
    session_in(State::active, 7);
    act(RuleAction::escalate);
    EXPECT_FALSE(is_over_within(rule.step - tick));
    server.before_pin = [](Life* each) { each->session.query_start += 1; };
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::cancelled);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, WhoHasGoneOnBeforeTheThirdStepKeepsItsConnection) {
    session_in(State::active, 7);
    rule.closes_sockets = true;
    act(RuleAction::escalate);
    EXPECT_FALSE(is_over_within(2 * rule.step - tick));
    EXPECT_EQ(life->signals, 2);
    server.before_pin = [](Life* each) { each->session.query_start += 1; };
    EXPECT_FALSE(is_over_within(rule.step)) << "it has been told to end";
    EXPECT_FALSE(life->is_cut_off);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
}

// --- drain

TEST_F(RuleInFlight, ADrainedSessionIsAskedOnceAndEndsAfterItsTransaction) {
    session_in(State::active, 7);
    EXPECT_FALSE(act(RuleAction::drain));
    EXPECT_TRUE(has_acted());
    EXPECT_FALSE(is_over_within(seconds(1)));
    EXPECT_EQ(requester.asked, std::vector<std::int32_t>{1});
    EXPECT_EQ(life->signals, 0);
    requester.answers[1] = DrainAnswer::ends;
    server.end(*life);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(RuleInFlight, ADrainedSessionInNoTransactionIsTerminated) {
    session_in(State::idle);
    EXPECT_FALSE(act(RuleAction::drain));
    EXPECT_EQ(life->signals, 1);
    server.end(*life);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::terminated);
}

TEST_F(RuleInFlight, OnlyWhoStillDoesWhatMatchedIsAskedToEnd) {
    const auto begins_statement = [](Life* each) {
        each->session.state = State::active;
        each->session.query_start += 1;
        each->session.state_change += 1;
    };
    const auto ends_statement = [](Life* each) {
        each->session.state = State::idle;
        each->session.state_change += 1;
    };
    for (const State state : {State::active, State::idle, State::idle_in_transaction, State::undefined})
        for (const FakeServer::Hook& change :
             {FakeServer::Hook(begins_statement), FakeServer::Hook(ends_statement)}) {
            session_in(state);
            server.before_look = change;
            EXPECT_TRUE(act(RuleAction::drain));
            EXPECT_EQ(outcome(), Outcome::no_longer_matches);
            EXPECT_FALSE(has_acted()) << "the rule is not charged";
            EXPECT_EQ(life->signals, 0);
            server.before_look = nullptr;
            server.end(*life);
        }
    EXPECT_TRUE(requester.asked.empty());
}

TEST_F(RuleInFlight, WhoIsGoneIsNotAskedToEnd) {
    server.end(session_in(State::active, 7));
    EXPECT_TRUE(act(RuleAction::drain));
    EXPECT_EQ(outcome(), Outcome::already_gone);
    EXPECT_FALSE(has_acted());
    EXPECT_TRUE(requester.asked.empty());
}

TEST_F(RuleInFlight, ADrainIsGivenUpAtTheTimeout) {
    session_in(State::active, 7);
    act(RuleAction::drain);
    EXPECT_FALSE(is_over_within(rule.timeout - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_STREQ(flight->target().reason, "its transaction goes on");
    EXPECT_EQ(flight->target().elapsed, rule.timeout);
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, ADrainIsForcedAtTheTimeoutIfTheRuleSaysSo) {
    session_in(State::active, 7);
    rule.forces = true;
    act(RuleAction::drain);
    life->session.query_start += 1; // the next statement of its transaction
    EXPECT_FALSE(is_over_within(rule.timeout - tick));
    EXPECT_EQ(life->signals, 0);
    EXPECT_FALSE(is_over_at_next_tick());
    EXPECT_EQ(life->signals, 1);
    EXPECT_EQ(life->last_signal, Action::terminate);
    EXPECT_TRUE(flight->target().is_forced);
    server.end(*life);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::terminated);
    EXPECT_EQ(flight->target().elapsed, rule.timeout + tick) << "from the request on";
}

TEST_F(RuleInFlight, AForcedDrainWaitsAStepForItsProof) {
    session_in(State::active, 7);
    rule.forces = true;
    act(RuleAction::drain);
    is_over_within(rule.timeout);
    EXPECT_FALSE(is_over_within(rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, AForcedDrainEndsNobodyInAnotherTransaction) {
    session_in(State::active, 7);
    rule.forces = true;
    act(RuleAction::drain);
    life->session.query_start += 1;
    life->session.xact_start = 8;
    EXPECT_FALSE(is_over_within(rule.timeout + rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, AForcedDrainEndsAStatementThatCommitsInside) {
    session_in(State::active, 7);
    rule.forces = true;
    act(RuleAction::drain);
    life->session.xact_start = 8;
    EXPECT_FALSE(is_over_within(rule.timeout));
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, AForcedDrainSparesWhoWaitsForAStandby) {
    session_in(State::active, 7).is_spared = true;
    rule.forces = true;
    act(RuleAction::drain);
    EXPECT_FALSE(is_over_within(rule.timeout + rule.step - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::still_running);
    EXPECT_EQ(flight->target().elapsed, rule.timeout + rule.step);
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, AForcedDrainGoesOnWhenTheWaitIsOver) {
    session_in(State::active, 7).is_spared = true;
    rule.forces = true;
    act(RuleAction::drain);
    EXPECT_FALSE(is_over_within(rule.timeout + tick));
    life->is_spared = false;
    EXPECT_FALSE(is_over_at_next_tick());
    EXPECT_EQ(life->signals, 1);
}

TEST_F(RuleInFlight, AForcedDrainThatMayNotSignalIsOver) {
    session_in(State::active, 7).refuses = true;
    rule.forces = true;
    act(RuleAction::drain);
    EXPECT_FALSE(is_over_within(rule.timeout - tick));
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::denied);
}

TEST_F(RuleInFlight, WhatIsGivenUpDoesNothingMore) {
    session_in(State::active, 7);
    rule.forces = true;
    act(RuleAction::drain);
    flight->give_up(Outcome::denied);
    EXPECT_TRUE(is_over_at_next_tick());
    EXPECT_EQ(outcome(), Outcome::denied);
    EXPECT_EQ(life->signals, 0);
}

TEST_F(RuleInFlight, OnlyADrainAndAnEscalationMayActAgain) {
    session_in(State::active, 7);
    for (const RuleAction action : {RuleAction::cancel, RuleAction::terminate}) {
        act(action);
        EXPECT_FALSE(flight->may_act_again());
    }
    rule.forces = true;
    act(RuleAction::drain);
    EXPECT_TRUE(flight->may_act_again());
    is_over_within(rule.timeout + tick);
    EXPECT_FALSE(flight->may_act_again()) << "it is terminated";
}

TEST_F(RuleInFlight, AnEscalationMayActAgainUntilItsLastStep) {
    session_in(State::active, 7);
    act(RuleAction::escalate);
    EXPECT_TRUE(flight->may_act_again());
    is_over_within(rule.step + tick);
    EXPECT_FALSE(flight->may_act_again());
    rule.closes_sockets = true;
    act(RuleAction::escalate);
    is_over_within(rule.step + tick);
    EXPECT_TRUE(flight->may_act_again());
}

TEST_F(RuleInFlight, AChangeOfTheRuleDoesNotChangeTheAction) {
    session_in(State::active, 7);
    act(RuleAction::drain);
    rule.forces = true;
    rule.timeout = seconds(1);
    EXPECT_FALSE(is_over_within(seconds(5)));
    EXPECT_EQ(life->signals, 0);
}

} // namespace sessionctl::test
