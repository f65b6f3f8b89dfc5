#include "core/reaper/limit_monitor.hpp"
#include "support.hpp"

#include <algorithm>
#include <deque>
#include <functional>
#include <initializer_list>
#include <limits>
#include <ostream>
#include <random>
#include <utility>

namespace sessionctl::test {

using core::Limit;
using core::Limits;
using core::LimitViolation;
using core::Rule;
using core::SessionSample;
using core::State;
using core::Timestamp;
using testing::Test;

namespace {

/// The costly facts, as a test sets them.
class KnownFacts final : public core::Facts {
  public:
    int waiting = 0;
    std::int64_t age = 0;
    core::Inactivity still = {true, 1};
    bool is_gone = false;
    int times_asked = 0;

    int waiting_behind(const core::Session&) override { return ++times_asked, waiting; }
    std::int64_t held_back(const core::Session&) override { return ++times_asked, age; }
    core::Inactivity inactivity(const core::Session&) override { return ++times_asked, still; }
    bool is_client_gone(const core::Session&) override { return ++times_asked, is_gone; }
};

constexpr int slots = 8;

/// A server's sessions, its two clocks, and a monitor.
class LimitMonitor : public Test {
  protected:
    SessionSample& connect() {
        SessionSample& sample = samples.emplace_back();
        sample = {};
        sample.session = client(static_cast<std::int32_t>(samples.size()));
        sample.session.slot = static_cast<std::int32_t>(samples.size()) - 1;
        enter(sample, State::idle);
        return sample;
    }

    void enter(SessionSample& sample, State state) {
        sample.session.state = state;
        sample.session.state_change = wall();
    }
    /// A statement was run and left a transaction open, the same or a new one.
    void idle_in_transaction(SessionSample& sample) {
        enter(sample, State::idle_in_transaction);
        if (sample.session.xact_start == 0)
            sample.session.xact_start = wall();
    }
    void run(SessionSample& sample) {
        enter(sample, State::active);
        if (sample.session.xact_start == 0)
            sample.session.xact_start = wall();
        sample.session.query_start = wall();
    }
    void commit(SessionSample& sample) {
        enter(sample, State::idle);
        sample.session.xact_start = 0;
    }
    /// In the middle of a statement it waits for what its client sends.
    void wait_for_client(SessionSample& sample) {
        run(sample);
        sample.waits_for_client = true;
    }
    /// Another session gets the slot.
    void replace(SessionSample& sample) { sample.session.id.start += 1; }

    Timestamp wall() const { return now + offset; }
    void pass(Timestamp time) { now += time; }
    void set_wall_clock(Timestamp change) { offset += change; }

    /// A look at all sessions. Returns the parameter of the last violation, or "".
    std::string look() {
        monitor.begin(now, wall());
        std::string rule;
        for (const SessionSample& sample : samples)
            if (const auto found = monitor.check(sample, facts)) {
                violation = *found;
                rule = core::rule_name(found->rule);
            }
        return rule;
    }
    /// How long until the next look.
    Timestamp left() const { return monitor.next_look() - now; }
    bool is_never() const { return monitor.next_look() == core::LimitMonitor::never; }

    /// No session violates until `time` has passed, and then this rule is violated.
    void expect_violation_after(Timestamp time, const std::string& rule) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), time);
        pass(time - 1);
        EXPECT_EQ(look(), "") << "a microsecond early";
        EXPECT_EQ(left(), 1);
        pass(1);
        EXPECT_EQ(look(), rule);
    }

    /// Looks once a second, `times` times; no session violates.
    void expect_quiet_seconds(int times) {
        for (int i = 0; i < times; ++i) {
            ASSERT_EQ(look(), "") << "after " << i << " s";
            pass(seconds(1));
        }
    }

    std::deque<SessionSample> samples;
    KnownFacts facts;
    LimitViolation violation = {};
    core::LimitMonitor monitor{slots};
    Timestamp now = seconds(5000);
    Timestamp offset = seconds(700000000);
};

/// A rule that limits a time: how to set it to ten seconds, and how a session violates it from now on.
struct TimedRule {
    const char* name;
    Rule rule;
    Limit limit;
    State state;
    std::function<void(SessionSample&, KnownFacts&)> more = [](SessionSample&, KnownFacts&) {};
};

/// What a failed test says of it.
void PrintTo(const TimedRule& rule, std::ostream* out) {
    *out << rule.name << ", " << core::state_name(rule.state);
}

const TimedRule timed_rules[] = {
    {"idle_in_transaction_timeout", Rule::idle_in_transaction, Limit::idle_in_transaction,
     State::idle_in_transaction},
    {"idle_in_transaction_timeout", Rule::idle_in_transaction, Limit::idle_in_transaction,
     State::idle_in_transaction_aborted},
    {"idle_in_transaction_blocking_timeout", Rule::blocking, Limit::blocking, State::idle_in_transaction,
     [](SessionSample&, KnownFacts& facts) { facts.waiting = 3; }},
    {"idle_in_transaction_blocking_timeout", Rule::blocking, Limit::blocking,
     State::idle_in_transaction_aborted, [](SessionSample&, KnownFacts& facts) { facts.waiting = 3; }},
    {"idle_in_transaction_horizon_age", Rule::horizon, Limit::horizon_idle, State::idle_in_transaction,
     [](SessionSample& sample, KnownFacts& facts) {
         sample.limits[Limit::horizon_age] = 100;
         facts.age = 101;
     }},
    {"idle_in_transaction_horizon_age", Rule::horizon, Limit::horizon_idle,
     State::idle_in_transaction_aborted,
     [](SessionSample& sample, KnownFacts& facts) {
         sample.limits[Limit::horizon_age] = 100;
         facts.age = 101;
     }},
    {"idle_session_timeout", Rule::idle_session, Limit::idle_session, State::idle},
    {"transaction_timeout", Rule::transaction, Limit::transaction, State::active},
    {"transaction_timeout", Rule::transaction, Limit::transaction, State::idle_in_transaction},
};

/// Each of these rules alone.
class LimitMonitorOfTime : public LimitMonitor, public testing::WithParamInterface<TimedRule> {
  protected:
    /// A session that will violate, as it is from now on, after ten seconds.
    SessionSample& violator() {
        SessionSample& sample = connect();
        sample.limits[GetParam().limit] = 10000;
        GetParam().more(sample, facts);
        return sample;
    }
    void begin_to_violate(SessionSample& sample) {
        enter(sample, GetParam().state);
        sample.session.xact_start = GetParam().state == State::idle ? 0 : wall();
    }
    /// Nothing that is limited.
    void do_something_else(SessionSample& sample) {
        enter(sample, GetParam().state == State::idle ? State::active : State::idle);
        sample.session.xact_start = 0;
    }
};

INSTANTIATE_TEST_SUITE_P(Rules, LimitMonitorOfTime, testing::ValuesIn(timed_rules), [](const auto& each) {
    std::string name = std::string(each.param.name) + "_" + core::state_name(each.param.state);
    name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c) && c != '_'; }),
               name.end());
    return name;
});

} // namespace

// The deadline

TEST_P(LimitMonitorOfTime, EndsASessionAtItsDeadlineAndNotBefore) {
    begin_to_violate(violator());
    expect_violation_after(seconds(10), GetParam().name);
    EXPECT_EQ(violation.rule, GetParam().rule);
    EXPECT_EQ(violation.session.id, samples[0].session.id);
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.limit,
              samples[0].limits[GetParam().rule == Rule::horizon ? Limit::horizon_age : GetParam().limit]);
}

TEST_P(LimitMonitorOfTime, CountsFromTheStampNotFromTheLook) {
    begin_to_violate(violator());
    pass(seconds(4));
    expect_violation_after(seconds(6), GetParam().name);
    pass(seconds(7));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_EQ(violation.lasted, seconds(17));
}

TEST_P(LimitMonitorOfTime, WhoDoesSomethingElseCannotBeDueBeforeNowAndTheLimit) {
    SessionSample& sample = violator();
    do_something_else(sample);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10));
        pass(seconds(10));
    }
    begin_to_violate(sample);
    expect_violation_after(seconds(10), GetParam().name);
}

TEST_P(LimitMonitorOfTime, StartsAnewForWhoDidSomethingElse) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    look();
    pass(seconds(9));
    do_something_else(sample);
    look();
    begin_to_violate(sample);
    expect_violation_after(seconds(10), GetParam().name);
}

// Not seen in between: only the stamps tell.
TEST_P(LimitMonitorOfTime, StartsAnewForWhoCameBackBetweenTwoLooks) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    look();
    pass(seconds(9));
    begin_to_violate(sample);
    pass(seconds(1));
    expect_violation_after(seconds(9), GetParam().name);
}

TEST_P(LimitMonitorOfTime, IsOffWithoutALimit) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    sample.limits[GetParam().rule == Rule::horizon ? Limit::horizon_age : GetParam().limit] = 0;
    pass(hour);
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_P(LimitMonitorOfTime, ObeysALimitAsItIsNow) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    EXPECT_EQ(look(), "");
    sample.limits[GetParam().limit] = 3000;
    pass(seconds(2));
    expect_violation_after(seconds(1), GetParam().name);
    sample.limits[GetParam().limit] = 20000;
    expect_violation_after(seconds(17), GetParam().name);
}

TEST_P(LimitMonitorOfTime, StandsTheLongestAndTheShortestLimit) {
    SessionSample& sample = violator();
    begin_to_violate(sample);
    sample.limits[GetParam().limit] = std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(2147483647));
    sample.limits[GetParam().limit] = 1;
    expect_violation_after(milliseconds(1), GetParam().name);
}

// The wall clock

TEST_P(LimitMonitorOfTime, AJumpOfTheWallClockEndsNobodyEarlierOrLater) {
    for (const Timestamp jump : {hour, -hour}) {
        samples.clear();
        monitor = core::LimitMonitor(slots);
        begin_to_violate(violator());
        EXPECT_EQ(look(), "");
        pass(seconds(4));
        set_wall_clock(jump);
        expect_violation_after(seconds(6), GetParam().name);
        EXPECT_EQ(violation.lasted, seconds(10));
    }
}

TEST_P(LimitMonitorOfTime, NorWhoBeganJustBeforeTheJump) {
    for (const Timestamp jump : {hour, -hour}) {
        samples.clear();
        monitor = core::LimitMonitor(slots);
        look();
        pass(seconds(100));
        begin_to_violate(violator());
        pass(seconds(4));
        set_wall_clock(jump);
        pass(seconds(2));
        expect_violation_after(seconds(4), GetParam().name);
    }
}

TEST_P(LimitMonitorOfTime, NorWhoBeganJustAfterTheJump) {
    for (const Timestamp jump : {hour, -hour}) {
        samples.clear();
        monitor = core::LimitMonitor(slots);
        look();
        pass(seconds(100));
        set_wall_clock(jump);
        pass(seconds(4));
        begin_to_violate(violator());
        pass(seconds(2));
        expect_violation_after(seconds(8), GetParam().name);
    }
}

TEST_P(LimitMonitorOfTime, StandsSeveralJumps) {
    begin_to_violate(violator());
    for (const Timestamp jump : {hour, -2 * hour, hour, hour, -3 * hour}) {
        EXPECT_EQ(look(), "");
        pass(seconds(1));
        set_wall_clock(jump);
    }
    expect_violation_after(seconds(5), GetParam().name);
}

// Set back and, before anybody looked, set right again: no look saw a jump.
TEST_P(LimitMonitorOfTime, NorWhoBeganBetweenTwoJumps) {
    look();
    pass(seconds(100));
    set_wall_clock(-hour);
    begin_to_violate(violator());
    pass(seconds(1));
    set_wall_clock(hour);
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    EXPECT_LE(left(), seconds(10));
    pass(seconds(8) - 1);
    EXPECT_EQ(look(), "") << "a microsecond early";
}

TEST_P(LimitMonitorOfTime, FollowsAWallClockThatIsSlewed) {
    begin_to_violate(violator());
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10 - i));
        pass(seconds(1));
        set_wall_clock(500);
    }
    EXPECT_EQ(look(), GetParam().name);
}

// The monotonic clock stands still meanwhile, the wall clock goes on.
TEST_P(LimitMonitorOfTime, ASuspendedMachineEndsOnWakeOnlyWhatIsDue) {
    begin_to_violate(violator());
    EXPECT_EQ(look(), "");
    pass(seconds(4));
    begin_to_violate(violator());
    pass(seconds(1));
    set_wall_clock(8 * hour);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(5));
    pass(seconds(5));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_EQ(violation.session.slot, 0);
    monitor.signalled(violation.session);
    expect_violation_after(seconds(4), GetParam().name);
    EXPECT_EQ(violation.session.slot, 1);
}

// What was found

TEST_P(LimitMonitorOfTime, SendsNoSecondSignal) {
    begin_to_violate(violator());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    monitor.signalled(violation.session);
    for (int i = 0; i < 3; ++i) {
        pass(hour);
        EXPECT_EQ(look(), "");
        begin_to_violate(samples[0]); // it has blocked SIGTERM, and goes on
    }
    monitor.reconsider(true);
    pass(hour);
    EXPECT_EQ(look(), "");
}

// At the instant of the signal it had come back: it was not signalled, and may violate again.
TEST_P(LimitMonitorOfTime, LooksAgainSoonAtWhoGotAway) {
    begin_to_violate(violator());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    begin_to_violate(samples[0]);
    monitor.look_again_soon();
    EXPECT_EQ(left(), milliseconds(1));
    pass(milliseconds(1));
    expect_violation_after(seconds(10) - milliseconds(1), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ReturnsALoggedViolationOnce) {
    begin_to_violate(violator());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    monitor.logged(violation);
    EXPECT_EQ(left(), 0) << "another rule may be violated, too";
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10)) << "it may come back and violate again";
        pass(hour);
    }
    begin_to_violate(samples[0]);
    expect_violation_after(seconds(10), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ChecksAgainAMinuteAfterAnExemption) {
    begin_to_violate(violator());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_FALSE(monitor.is_exempt(violation.session));
    monitor.exempt(violation.session);
    EXPECT_TRUE(monitor.is_exempt(violation.session));
    EXPECT_LE(left(), seconds(60));
    expect_violation_after(seconds(60), GetParam().name);
}

TEST_P(LimitMonitorOfTime, AnExemptionIsForOnePauseOnly) {
    begin_to_violate(violator());
    pass(seconds(10));
    look();
    monitor.exempt(violation.session);
    pass(seconds(1));
    begin_to_violate(samples[0]);
    look();
    EXPECT_FALSE(monitor.is_exempt(samples[0].session));
    expect_violation_after(seconds(10), GetParam().name);
}

TEST_P(LimitMonitorOfTime, ChecksAnewWhatSettingsMayHaveChanged) {
    begin_to_violate(violator());
    pass(seconds(10));
    look();
    monitor.exempt(violation.session);
    EXPECT_EQ(look(), "");
    monitor.reconsider(true);
    EXPECT_EQ(look(), GetParam().name);
    monitor.logged(violation);
    EXPECT_EQ(look(), "");
    monitor.reconsider(true);
    EXPECT_EQ(look(), GetParam().name);
}

TEST_P(LimitMonitorOfTime, TellsOnceWhateverSettingsChangeUnlessItsLimitDoes) {
    begin_to_violate(violator());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    monitor.logged(violation);
    monitor.reconsider(false);
    EXPECT_EQ(look(), "");
    samples[0].limits[core::limit_of(violation.rule)] /= 2;
    EXPECT_EQ(look(), GetParam().name);
    monitor.logged(violation);
    monitor.reconsider(false);
    EXPECT_EQ(look(), "");
}

TEST_P(LimitMonitorOfTime, KnowsNothingOfWhoHadTheSlotBefore) {
    const std::function<void()> counted[] = {
        [this] { monitor.signalled(violation.session); },
        [this] { monitor.logged(violation); },
        [this] { monitor.exempt(violation.session); },
    };
    for (const auto& counted : counted) {
        samples.clear();
        monitor = core::LimitMonitor(slots);
        begin_to_violate(violator());
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
        counted();
        replace(samples[0]); // with the same stamps
        look();
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
        counted();
        samples[0].session.id.pid += 1;
        look();
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
    }
}

// A new session's stamps are read with the clock as it is now.
TEST_P(LimitMonitorOfTime, ANewSessionHasAClockOfItsOwn) {
    begin_to_violate(violator());
    look();
    pass(seconds(9));
    replace(samples[0]);
    begin_to_violate(samples[0]);
    expect_violation_after(seconds(10), GetParam().name);
}

// A login with limits that the reaper knows does not wake it.
TEST_P(LimitMonitorOfTime, ExpectsWhoIsNotThereYet) {
    const Limits limits = violator().limits;
    samples.clear();
    monitor.begin(now, wall());
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(10));
    pass(seconds(3));
    look();
    EXPECT_TRUE(is_never());
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(10));
}

TEST_F(LimitMonitor, AnExemptionIsForAMinuteHoweverLongTheLimit) {
    connect().limits[Limit::idle_session] = 3600000;
    pass(hour);
    EXPECT_EQ(look(), "idle_session_timeout");
    monitor.exempt(violation.session);
    EXPECT_EQ(left(), seconds(60));
    expect_violation_after(seconds(60), "idle_session_timeout");
}

// Several sessions and rules

TEST_F(LimitMonitor, HasNoSessions) {
    EXPECT_TRUE(is_never());
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitor, LooksAgainSoonUnlessItHasToSooner) {
    SessionSample& sample = connect();
    sample.limits[Limit::idle_session] = 10;
    look();
    pass(milliseconds(10) - 1);
    look();
    monitor.look_again_soon();
    EXPECT_EQ(left(), 1);
}

TEST_F(LimitMonitor, LooksAgainLaterAtWhoMayNotBeSignalledNow) {
    SessionSample& sample = connect();
    sample.limits[Limit::transaction] = 10000;
    run(sample);
    pass(seconds(10));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), "transaction_timeout");
        monitor.look_again_later();
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
}

TEST_F(LimitMonitor, ExpectsNobodyWithoutALimit) {
    Limits limits;
    limits[Limit::horizon_idle] = 1000; // alone it is none
    look();
    monitor.expect_login(limits);
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitor, ExpectsTheShortestOfAllLimits) {
    Limits limits;
    limits[Limit::transaction] = 30000;
    limits[Limit::idle_session] = 10000;
    limits[Limit::blocking] = 20000;
    look();
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(10));
    SessionSample& sample = connect();
    sample.limits[Limit::idle_session] = 4000;
    look();
    EXPECT_EQ(left(), seconds(4));
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(4));
}

TEST_F(LimitMonitor, LooksAgainAtTheFirstDeadlineOfAll) {
    for (const std::int32_t limit : {30000, 10000, 20000}) {
        SessionSample& sample = connect();
        sample.limits[Limit::idle_in_transaction] = limit;
        idle_in_transaction(sample);
    }
    EXPECT_EQ(look(), "");
    for (const int slot : {1, 2, 0}) {
        EXPECT_EQ(left(), seconds(10));
        pass(seconds(10));
        EXPECT_EQ(look(), "idle_in_transaction_timeout");
        EXPECT_EQ(violation.session.slot, slot);
        monitor.signalled(violation.session);
    }
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitor, LooksAgainAtTheFirstDeadlineOfAllRules) {
    SessionSample& sample = connect();
    sample.limits[Limit::idle_in_transaction] = 30000;
    sample.limits[Limit::blocking] = 20000;
    sample.limits[Limit::transaction] = 50000;
    sample.limits[Limit::idle_session] = 45000;
    sample.limits[Limit::horizon_age] = 1;
    sample.limits[Limit::horizon_idle] = 40000;
    idle_in_transaction(sample);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(20));
    sample.limits[Limit::blocking] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(30));
    sample.limits[Limit::idle_in_transaction] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(40));
    sample.limits[Limit::horizon_age] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(45));
    sample.limits[Limit::idle_session] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(50));
}

TEST_F(LimitMonitor, NamesTheFirstRuleOfAll) {
    SessionSample& sample = connect();
    sample.limits[Limit::horizon_age] = 1;
    sample.limits[Limit::horizon_idle] = 10000;
    for (const Limit limit :
         {Limit::idle_in_transaction, Limit::blocking, Limit::idle_session, Limit::transaction})
        sample.limits[limit] = 10000;
    idle_in_transaction(sample);
    facts.waiting = 1;
    facts.age = 2;
    pass(seconds(10));
    for (const char* const rule : {"idle_in_transaction_timeout", "idle_in_transaction_blocking_timeout",
                                   "idle_in_transaction_horizon_age", "transaction_timeout", ""}) {
        EXPECT_EQ(look(), rule);
        monitor.logged(violation);
    }
}

// A rule that is violated does not keep the others from saying when they are.
TEST_F(LimitMonitor, LooksAgainForTheOtherRulesOfWhoWasToldOf) {
    SessionSample& sample = connect();
    sample.limits[Limit::idle_in_transaction] = 10000;
    sample.limits[Limit::transaction] = 15000;
    idle_in_transaction(sample);
    pass(seconds(10));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    EXPECT_EQ(left(), seconds(5));
    monitor.logged(violation);
    expect_violation_after(seconds(5), "transaction_timeout");
}

TEST_F(LimitMonitor, ALoggedTransactionOutlastsItsStatements) {
    SessionSample& sample = connect();
    sample.limits[Limit::transaction] = 10000;
    run(sample);
    pass(seconds(10));
    EXPECT_EQ(look(), "transaction_timeout");
    monitor.logged(violation);
    idle_in_transaction(sample);
    EXPECT_EQ(look(), "");
    pass(hour);
    run(sample);
    EXPECT_EQ(look(), "");
    commit(sample);
    run(sample);
    expect_violation_after(seconds(10), "transaction_timeout");
}

TEST_F(LimitMonitor, ALoggedPauseOutlastsAChangeOfTheTransactionOnly) {
    SessionSample& sample = connect();
    sample.limits[Limit::idle_in_transaction] = 10000;
    idle_in_transaction(sample);
    pass(seconds(10));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    monitor.logged(violation);
    sample.session.xact_start += 1;
    EXPECT_EQ(look(), "");
}

// SAVEPOINT, ROLLBACK TO, FETCH: as core counts.
TEST_F(LimitMonitor, AStatementInTheTransactionStartsThePauseAnewButNotTheTransaction) {
    SessionSample& sample = connect();
    sample.limits[Limit::idle_in_transaction] = 10000;
    sample.limits[Limit::transaction] = 60000;
    idle_in_transaction(sample);
    for (int i = 0; i < 11; ++i) {
        EXPECT_EQ(look(), "");
        pass(seconds(5));
        idle_in_transaction(sample);
    }
    expect_violation_after(seconds(5), "transaction_timeout");
    EXPECT_EQ(violation.lasted, seconds(60));
}

TEST_F(LimitMonitor, AnIdleListenerIsIdleAndInNoTransaction) {
    SessionSample& sample = connect();
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::horizon_age,
                              Limit::horizon_idle, Limit::transaction, Limit::client_silence})
        sample.limits[limit] = 1;
    facts.waiting = 1;
    facts.age = 100;
    for (int i = 0; i < 10; ++i) {
        pass(hour);
        EXPECT_EQ(look(), "");
    }
    EXPECT_EQ(facts.times_asked, 0);
    sample.limits[Limit::idle_session] = 1000;
    EXPECT_EQ(look(), "idle_session_timeout");
}

TEST_F(LimitMonitor, IsIdleOnlyWhoSaysSo) {
    SessionSample& sample = connect();
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::horizon_age,
                              Limit::horizon_idle, Limit::idle_session})
        sample.limits[limit] = 1;
    facts.waiting = 1;
    facts.age = 100;
    for (const State state :
         {State::undefined, State::starting, State::active, State::fastpath, State::disabled}) {
        enter(sample, state);
        look();
        pass(hour);
        EXPECT_EQ(look(), "") << static_cast<int>(state);
    }
}

// Blocking

namespace {

class LimitMonitorOfBlocking : public LimitMonitor {
  protected:
    SessionSample& block(std::int32_t limit) {
        SessionSample& sample = connect();
        sample.limits[Limit::blocking] = limit;
        idle_in_transaction(sample);
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfBlocking, AsksOnlyOnceThePauseIsLongEnough) {
    block(10000);
    look();
    pass(seconds(10) - 1);
    look();
    EXPECT_EQ(facts.times_asked, 0);
    pass(1);
    look();
    EXPECT_EQ(facts.times_asked, 1);
}

TEST_F(LimitMonitorOfBlocking, AsksOnceASecondWhoMakesNobodyWait) {
    block(10000);
    pass(seconds(10));
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    EXPECT_EQ(facts.times_asked, 100);
    facts.waiting = 2;
    EXPECT_EQ(look(), "idle_in_transaction_blocking_timeout");
    EXPECT_EQ(violation.waiting_behind, 2);
    EXPECT_EQ(violation.lasted, seconds(110));
    EXPECT_EQ(violation.held_back, 0);
}

TEST_F(LimitMonitorOfBlocking, AsksMoreOftenForAShorterLimit) {
    block(200);
    pass(milliseconds(200));
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(200));
}

TEST_F(LimitMonitorOfBlocking, OneWaiterIsEnough) {
    block(10000);
    facts.waiting = 1;
    expect_violation_after(seconds(10), "idle_in_transaction_blocking_timeout");
    EXPECT_EQ(violation.waiting_behind, 1);
}

// The horizon

namespace {

class LimitMonitorOfTheHorizon : public LimitMonitor {
  protected:
    SessionSample& hold_back(std::int32_t age, std::int32_t idle) {
        SessionSample& sample = connect();
        sample.limits[Limit::horizon_age] = age;
        sample.limits[Limit::horizon_idle] = idle;
        idle_in_transaction(sample);
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfTheHorizon, EndsWhoHoldsBackMoreThanTheLimit) {
    hold_back(1000, 10000);
    pass(seconds(10));
    for (const std::int64_t age : {0, 1, 999, 1000}) {
        facts.age = age;
        EXPECT_EQ(look(), "") << age;
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    facts.age = 1001;
    EXPECT_EQ(look(), "idle_in_transaction_horizon_age");
    EXPECT_EQ(violation.limit, 1000);
    EXPECT_EQ(violation.held_back, 1001);
    EXPECT_EQ(violation.lasted, seconds(14));
    EXPECT_EQ(violation.waiting_behind, 0);
}

TEST_F(LimitMonitor, TellsWhoeverWaitsWhateverTheRule) {
    SessionSample& idler = connect();
    idler.limits[Limit::idle_in_transaction] = 1000;
    idle_in_transaction(idler);
    facts.waiting = 3;
    look();
    EXPECT_EQ(facts.times_asked, 0) << "before there is something to tell";
    pass(seconds(1));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    EXPECT_EQ(violation.waiting_behind, 3);
}

TEST_F(LimitMonitor, AsksForNobodyBehindWhoIsInNoTransaction) {
    SessionSample& idler = connect();
    idler.limits[Limit::idle_session] = 1000;
    facts.waiting = 3;
    pass(seconds(1));
    EXPECT_EQ(look(), "idle_session_timeout");
    EXPECT_EQ(violation.waiting_behind, 0);
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(LimitMonitorOfTheHorizon, KnowsMoreTransactionsThanThirtyTwoBitsCount) {
    hold_back(std::numeric_limits<std::int32_t>::max(), 10000);
    facts.age = std::int64_t{1} << 32;
    expect_violation_after(seconds(10), "idle_in_transaction_horizon_age");
    EXPECT_EQ(violation.held_back, std::int64_t{1} << 32);
}

TEST_F(LimitMonitorOfTheHorizon, AsksOnlyOnceThePauseIsLongEnough) {
    hold_back(1000, 10000);
    facts.age = 5000;
    look();
    pass(seconds(10) - 1);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(LimitMonitorOfTheHorizon, EndsWhoseClientDoesNotReadNotifications) {
    SessionSample& sample = hold_back(1000, 10000);
    enter(sample, State::idle); // since then, it seems, in the transaction of a statement long ago
    facts.age = 5000;
    expect_quiet_seconds(100);
    sample.waits_for_client = true;
    expect_quiet_seconds(9);
    facts.still.switches++; // it ran
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), "idle_in_transaction_horizon_age");
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.switches, facts.still.switches);
    EXPECT_TRUE(is_for_unread_notifications(violation));
    facts.still.is_asleep = false;
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfTheHorizon, NotWhoIsIdleInNoTransaction) {
    SessionSample& sample = hold_back(1000, 10000);
    commit(sample);
    sample.waits_for_client = true;
    facts.age = 5000;
    expect_quiet_seconds(100);
}

// Else a session between two statements would be ended.
TEST_F(LimitMonitorOfTheHorizon, ThePauseIsAMillisecondAtLeast) {
    hold_back(1000, 0);
    facts.age = 5000;
    expect_violation_after(milliseconds(1), "idle_in_transaction_horizon_age");
}

// Silence

namespace {

class LimitMonitorOfSilence : public LimitMonitor {
  protected:
    static constexpr const char* name = "client_silence_timeout";

    SessionSample& fall_silent(std::int32_t limit = 10000) {
        SessionSample& sample = connect();
        sample.limits[Limit::client_silence] = limit;
        wait_for_client(sample);
        return sample;
    }

    /// Silent for nine of its ten seconds.
    SessionSample& almost_violate() {
        SessionSample& sample = fall_silent();
        expect_quiet_seconds(9);
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(1));
        return sample;
    }
    /// From now on it has ten seconds again.
    void expect_new_beginning() {
        expect_quiet_seconds(10);
        EXPECT_EQ(look(), name);
    }
};

} // namespace

TEST_F(LimitMonitorOfSilence, EndsWhoWasSilentAtEveryLook) {
    facts.still = {true, 17};
    fall_silent();
    pass(hour); // nobody looked
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(look(), "") << i;
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    now -= 1;
    EXPECT_EQ(look(), "") << "a microsecond early";
    EXPECT_EQ(left(), 1);
    pass(1);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.limit, 10000);
    EXPECT_EQ(violation.switches, 17u);
}

TEST_F(LimitMonitorOfSilence, LooksTenTimesWithinTheLimitAndEveryFiveSecondsAtLeast) {
    for (const auto& [limit, between_looks] :
         std::initializer_list<std::pair<std::int32_t, Timestamp>>{{1, milliseconds(1)},
                                                                   {5, milliseconds(1)},
                                                                   {100, milliseconds(10)},
                                                                   {50000, seconds(5)},
                                                                   {50010, seconds(5)},
                                                                   {3600000, seconds(5)}}) {
        samples.clear();
        monitor = core::LimitMonitor(slots);
        fall_silent(limit);
        EXPECT_EQ(look(), "") << limit;
        EXPECT_EQ(left(), between_looks) << limit;
    }
}

TEST_F(LimitMonitorOfSilence, LooksAgainNoLaterThanTheLimit) {
    fall_silent();
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(look(), "");
        pass(milliseconds(1600));
    }
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(400));
}

// It may begin right after a look.
TEST_F(LimitMonitorOfSilence, WhoDoesNotWaitIsLookedAtTenTimesWithinTheLimit) {
    SessionSample& sample = fall_silent(100000);
    sample.waits_for_client = false;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(10));
    EXPECT_EQ(facts.times_asked, 0);
    sample.limits[Limit::client_silence] = 5;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(1));
}

TEST_F(LimitMonitorOfSilence, ExpectsWhoFallsSilentAsSoonAsItIsThere) {
    for (const auto& [limit, between_looks] : std::initializer_list<std::pair<std::int32_t, Timestamp>>{
             {5, milliseconds(1)}, {10000, seconds(1)}, {100000, seconds(10)}}) {
        Limits limits;
        limits[Limit::client_silence] = limit;
        look();
        monitor.expect_login(limits);
        EXPECT_EQ(left(), between_looks) << limit;
    }
}

// A reaper that was stopped itself, or a machine that stood still.
TEST_F(LimitMonitorOfSilence, ALongGapCountsAsTwoShortOnes) {
    fall_silent();
    expect_quiet_seconds(5);
    pass(hour);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(1));
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    pass(seconds(1) - 1);
    EXPECT_EQ(look(), "");
    pass(1);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(violation.lasted, seconds(10));
}

TEST_F(LimitMonitorOfSilence, ALongGapUnderALongLimitCountsTenSeconds) {
    fall_silent(3600000);
    look();
    pass(hour);
    EXPECT_EQ(look(), "");
    for (int i = 0; i < 717; ++i) {
        pass(seconds(5));
        ASSERT_EQ(look(), "") << i;
    }
    EXPECT_EQ(left(), seconds(5));
    pass(seconds(5));
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfSilence, WhoRanStartsAnew) {
    almost_violate();
    ++facts.still.switches;
    pass(seconds(1));
    expect_new_beginning();
    EXPECT_EQ(violation.switches, facts.still.switches);
}

// A slow but living COPY: it always sleeps when somebody looks.
TEST_F(LimitMonitorOfSilence, EndsWhoseClientDoesNotReadNotifications) {
    SessionSample& sample = connect();
    sample.limits[Limit::client_silence] = 10000;
    sample.session.xact_start = wall();
    sample.waits_for_client = true;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    EXPECT_TRUE(is_for_unread_notifications(violation));
    EXPECT_TRUE(is_for_silence(violation));
}

TEST_F(LimitMonitorOfSilence, WhoRunsNowAndThenStays) {
    fall_silent();
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(look(), "") << i;
        pass(seconds(1));
        if (i % 9 == 0)
            ++facts.still.switches;
    }
}

TEST_F(LimitMonitorOfSilence, WhoIsNotAsleepStartsAnew) {
    almost_violate();
    facts.still.is_asleep = false;
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    facts.still.is_asleep = true;
    pass(seconds(1));
    expect_new_beginning();
}

// A stopped process: no switch, but never asleep.
TEST_F(LimitMonitorOfSilence, WhoIsNeverAsleepStays) {
    fall_silent();
    facts.still.is_asleep = false;
    expect_quiet_seconds(1000);
}

TEST_F(LimitMonitorOfSilence, WhoDidNotWaitForItsClientStartsAnew) {
    SessionSample& sample = almost_violate();
    sample.waits_for_client = false;
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    sample.waits_for_client = true;
    pass(seconds(1));
    expect_new_beginning();
}

TEST_F(LimitMonitorOfSilence, WhoChangedItsStateStartsAnew) {
    SessionSample& sample = almost_violate();
    pass(seconds(1));
    enter(sample, State::active);
    expect_new_beginning();
}

TEST_F(LimitMonitorOfSilence, ASuccessorInTheSlotStartsAnew) {
    SessionSample& sample = almost_violate();
    pass(seconds(1));
    replace(sample);
    expect_new_beginning();
}

TEST_F(LimitMonitorOfSilence, AJumpOfTheWallClockIsNoSilence) {
    fall_silent();
    for (const Timestamp jump : {hour, -hour, 3 * hour, -hour, hour}) {
        EXPECT_EQ(look(), "");
        pass(seconds(1));
        set_wall_clock(jump);
    }
    expect_quiet_seconds(5);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(violation.lasted, seconds(10));
}

TEST_F(LimitMonitorOfSilence, ObeysALimitAsItIsNow) {
    SessionSample& sample = fall_silent(100000);
    expect_quiet_seconds(5);
    EXPECT_EQ(look(), "");
    sample.limits[Limit::client_silence] = 5000;
    EXPECT_EQ(look(), name);
    sample.limits[Limit::client_silence] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitorOfSilence, TellsOnceAndSignalsOnce) {
    fall_silent();
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    monitor.logged(violation);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(10));
    expect_quiet_seconds(100);
    monitor.reconsider(true);
    pass(seconds(1));
    EXPECT_EQ(look(), name);
    monitor.signalled(violation.session);
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfSilence, AnExemptionHoldsForAMinute) {
    fall_silent();
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    monitor.exempt(violation.session);
    EXPECT_LE(left(), seconds(60));
    expect_quiet_seconds(60);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfSilence, IsNamedAfterAllOtherRules) {
    SessionSample& sample = fall_silent();
    sample.limits[Limit::transaction] = 10000;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), "transaction_timeout");
    monitor.logged(violation);
    EXPECT_EQ(look(), name);
}

// Statements

namespace {

class LimitMonitorOfStatements : public LimitMonitor {
  protected:
    static constexpr const char* name = "statement_timeout";

    SessionSample& begin_statement(std::int32_t limit = 10000) {
        SessionSample& sample = connect();
        sample.limits[Limit::statement] = limit;
        run(sample);
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfStatements, AreCancelledAtTheDeadlineAndNotBefore) {
    begin_statement();
    expect_violation_after(seconds(10), name);
    EXPECT_TRUE(violation.is_cancel);
    EXPECT_EQ(violation.lasted, seconds(10));
}

TEST_F(LimitMonitorOfStatements, TheirSessionEndsWhereTheyGoOnForAsLongAgain) {
    begin_statement();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    monitor.cancelled(violation);
    EXPECT_EQ(left(), seconds(10));
    expect_violation_after(seconds(10), name);
    EXPECT_FALSE(violation.is_cancel);
    EXPECT_EQ(violation.lasted, seconds(20));
    monitor.signalled(violation.session);
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfStatements, HaveFiveSecondsAtLeastToClean) {
    begin_statement(2000);
    pass(seconds(2));
    EXPECT_EQ(look(), name);
    monitor.cancelled(violation);
    EXPECT_EQ(left(), seconds(2)) << "for the next statement";
    for (const Timestamp more : {seconds(2), seconds(1)}) {
        pass(seconds(2));
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), std::min(more, seconds(2)));
    }
    pass(seconds(1));
    EXPECT_EQ(look(), name);
    EXPECT_FALSE(violation.is_cancel);
}

TEST_F(LimitMonitorOfStatements, TheNextOneHasTheWholeLimit) {
    SessionSample& sample = begin_statement();
    pass(seconds(9));
    EXPECT_EQ(look(), "");
    run(sample); // in the same transaction
    expect_violation_after(seconds(10), name);
    monitor.cancelled(violation);
    run(sample);
    expect_violation_after(seconds(10), name);
    EXPECT_TRUE(violation.is_cancel);
}

TEST_F(LimitMonitorOfStatements, OnlyThoseThatRun) {
    SessionSample& sample = begin_statement();
    for (const State state : {State::idle, State::idle_in_transaction, State::idle_in_transaction_aborted,
                              State::starting, State::disabled}) {
        enter(sample, state);
        expect_quiet_seconds(100);
    }
    enter(sample, State::fastpath);
    sample.session.query_start = wall();
    expect_violation_after(seconds(10), name);
}

TEST_F(LimitMonitorOfStatements, AreToldOfOnce) {
    SessionSample& sample = begin_statement();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    monitor.logged(violation);
    expect_quiet_seconds(100);
    run(sample);
    EXPECT_EQ(look(), "");
    expect_violation_after(seconds(10), name);
}

// Lifetimes

namespace {

class LimitMonitorOfAges : public LimitMonitor {
  protected:
    static constexpr const char* name = "session_lifetime_timeout";

    SessionSample& begin_session(std::int32_t limit = 10000) {
        SessionSample& sample = connect();
        sample.session.id.start = wall();
        sample.limits[Limit::lifetime] = limit;
        return sample;
    }
    std::string look() {
        std::string rule = LimitMonitor::look();
        for (const SessionSample& sample : samples)
            if (const auto found = monitor.check_lifetime(sample)) {
                violation = *found;
                rule.append(core::rule_name(found->rule));
            }
        return rule;
    }
    void expect_violation_after(Timestamp time) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), time);
        pass(time - 1);
        EXPECT_EQ(look(), "") << "a microsecond early";
        EXPECT_EQ(left(), 1);
        pass(1);
        EXPECT_EQ(look(), name);
    }
};

} // namespace

TEST_F(LimitMonitorOfAges, EndAtTheDeadlineAndNotBefore) {
    begin_session();
    expect_violation_after(seconds(10));
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.limit, 10000);
    EXPECT_EQ(facts.times_asked, 0) << "who waits does not matter";
}

TEST_F(LimitMonitorOfAges, WhateverTheSessionDoes) {
    SessionSample& sample = begin_session();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(look(), "") << i;
        run(sample);
        pass(milliseconds(500));
        EXPECT_EQ(look(), "") << i;
        commit(sample);
        pass(milliseconds(500));
    }
    EXPECT_EQ(look(), name);
    for (const State state : {State::active, State::idle_in_transaction, State::idle_in_transaction_aborted,
                              State::fastpath, State::disabled, State::idle}) {
        enter(sample, state);
        EXPECT_EQ(look(), name) << core::state_name(state);
    }
    enter(sample, State::starting);
    EXPECT_EQ(look(), "") << "it is no session yet";
}

TEST_F(LimitMonitorOfAges, AreAViolationOnceASecondUntilTheSignal) {
    begin_session();
    pass(seconds(10));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), name);
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    monitor.signalled(violation.session);
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitorOfAges, AreTheClockOfNobodyElse) {
    begin_session();
    EXPECT_EQ(look(), "");
    set_wall_clock(hour);
    expect_violation_after(seconds(10));
    set_wall_clock(-2 * hour);
    EXPECT_EQ(look(), name);
    SessionSample& next = samples.back();
    next.session.id.start = wall();
    EXPECT_EQ(look(), "") << "the next session in that place";
    EXPECT_EQ(left(), seconds(10));
}

TEST_F(LimitMonitorOfAges, ALimitThatIsLiftedOrRaisedFrees) {
    SessionSample& sample = begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    sample.limits[Limit::lifetime] = 15000;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(5));
    sample.limits[Limit::lifetime] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(LimitMonitorOfAges, TheExemptAreCheckedAfterAMinute) {
    begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    monitor.exempt(violation.session);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(60));
    pass(seconds(60));
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfAges, AreToldOfOnce) {
    SessionSample& sample = begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    monitor.logged(violation);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(look(), "") << i;
        run(sample);
        pass(seconds(1));
    }
    monitor.reconsider(true);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfAges, OtherRulesBindUntilTheEnd) {
    SessionSample& sample = begin_session();
    sample.limits[Limit::idle_in_transaction] = 20000;
    idle_in_transaction(sample);
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    pass(seconds(10));
    EXPECT_EQ(look(), std::string("idle_in_transaction_timeout") + name);
}

TEST_F(LimitMonitorOfAges, ALoginIsNotDueBeforeItsLimit) {
    Limits limits;
    limits[Limit::lifetime] = 5000;
    EXPECT_EQ(look(), "");
    monitor.expect_login(limits);
    EXPECT_EQ(left(), seconds(5));
}

// Clients that are gone

namespace {

class LimitMonitorOfClients : public LimitMonitor {
  protected:
    static constexpr const char* name = "client_gone_timeout";

    SessionSample& run_without_client() {
        SessionSample& sample = connect();
        sample.limits[Limit::client_gone] = 10000;
        run(sample);
        facts.is_gone = true;
        return sample;
    }
};

} // namespace

TEST_F(LimitMonitorOfClients, EndsWhoRunsOnForAsLongAsTheLimitAllows) {
    run_without_client();
    pass(hour); // nobody looked
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(look(), "") << i;
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    now -= 1;
    EXPECT_EQ(look(), "") << "a microsecond early";
    EXPECT_EQ(left(), 1);
    pass(1);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(violation.lasted, seconds(10));
    EXPECT_EQ(violation.limit, 10000);
    monitor.signalled(violation.session);
    expect_quiet_seconds(100);
}

TEST_F(LimitMonitorOfClients, LooksTenTimesWithinTheLimitForWhomHasAClient) {
    run_without_client();
    facts.is_gone = false;
    expect_quiet_seconds(100);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(1));
    Limits limits;
    limits[Limit::client_gone] = 5000;
    monitor.expect_login(limits);
    EXPECT_EQ(left(), milliseconds(500));
}

TEST_F(LimitMonitorOfClients, OneStatementAfterTheOtherDoesNotHelp) {
    SessionSample& sample = run_without_client();
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(look(), "") << i;
        pass(seconds(1));
        commit(sample);
        run(sample);
    }
    EXPECT_EQ(look(), name);
    monitor.logged(violation);
    run(sample);
    EXPECT_EQ(look(), "") << "it is told of once";
}

TEST_F(LimitMonitorOfClients, WhoIsIdleFindsOutItself) {
    SessionSample& sample = run_without_client();
    for (const State state : {State::idle, State::idle_in_transaction, State::starting, State::disabled}) {
        enter(sample, state);
        expect_quiet_seconds(100);
    }
    EXPECT_EQ(facts.times_asked, 0);
    enter(sample, State::fastpath);
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

TEST_F(LimitMonitorOfClients, NoWalsenderIsEnded) {
    SessionSample& sample = run_without_client();
    for (const core::Kind kind : {core::Kind::walsender, core::Kind::database_walsender}) {
        sample.session.kind = kind;
        expect_quiet_seconds(100);
    }
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(LimitMonitorOfClients, ASuccessorInTheSlotStartsAnew) {
    SessionSample& sample = run_without_client();
    expect_quiet_seconds(9);
    replace(sample);
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

// Everything at once

namespace {

/// Sessions that begin, pause, go on and commit at random, under a wall clock that jumps at random.
class RandomTraffic : public LimitMonitor {
  protected:
    static constexpr Timestamp limit = 10 * core::microseconds_per_second;

    RandomTraffic() {
        for (int slot = 0; slot < slots; ++slot)
            connect().limits[Limit::idle_in_transaction] = 10000;
    }

    bool chance(unsigned in) { return random() % in == 0; }

    void act() {
        const auto slot = random() % slots;
        SessionSample& sample = samples[slot];
        if (chance(4)) {
            run(sample);
        } else if (chance(4)) {
            commit(sample);
        } else {
            idle_in_transaction(sample);
            idle_since[slot] = now;
        }
    }

    /// Ends the sessions that violate; what the monitor returns has to be what the test knows.
    void look_and_compare() {
        monitor.begin(now, wall());
        for (std::size_t slot = 0; slot < slots; ++slot) {
            SessionSample& sample = samples[slot];
            const bool is_due =
                is_idle_in_transaction(sample.session.state) && now - idle_since[slot] >= limit;
            const auto found = monitor.check(sample, facts);
            ASSERT_EQ(found.has_value(), is_due) << "slot " << slot;
            if (!found)
                continue;
            ASSERT_EQ(found->lasted, limit);
            ++ended;
            monitor.signalled(sample.session);
            replace(sample);
            commit(sample);
        }
    }

    Timestamp idle_since[slots] = {}; // on the monotonic clock
    int ended = 0;
    std::mt19937 random{20250104};
};

} // namespace

TEST_F(RandomTraffic, EndsNobodyEarlyAndNobodyLate) {
    for (int i = 0; i < 20000; ++i) {
        ASSERT_NO_FATAL_FAILURE(look_and_compare()) << "look " << i;
        // The next look is at the deadline, or before it, when something woke the reaper.
        Timestamp time = std::min(left(), limit);
        ASSERT_GT(time, 0);
        if (chance(2))
            time = 1 + static_cast<Timestamp>(random()) % time;
        pass(time / 2);
        if (chance(4))
            act();
        if (chance(10))
            set_wall_clock(chance(2) ? hour : -hour);
        pass(time / 4);
        if (chance(4))
            act();
        pass(time - time / 2 - time / 4);
    }
    EXPECT_GT(ended, 500);
}

TEST(LimitMonitorSlots, NoSuchSlot) {
    core::LimitMonitor monitor(2);
    core::Session session = client(1);
    for (const int slot : {-1, 2}) {
        session.slot = slot;
        EXPECT_STREQ(error_of([&] { monitor.signalled(session); }).sqlstate(), "XX000") << slot;
    }
}

} // namespace sessionctl::test
