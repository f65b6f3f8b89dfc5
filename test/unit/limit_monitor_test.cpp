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

using core::Glance;
using core::Limit;
using core::Limits;
using core::Offence;
using core::Rule;
using core::State;
using core::Timestamp;
using testing::Test;

namespace {

/// The costly facts, as a test sets them.
class KnownFacts final : public core::Facts {
  public:
    int waiting = 0;
    std::int64_t age = 0;
    core::Stillness still = {true, 1};
    bool is_gone = false;
    int times_asked = 0;

    int waiting_behind(const core::Session&) override { return ++times_asked, waiting; }
    std::int64_t held_back(const core::Session&) override { return ++times_asked, age; }
    core::Stillness stillness(const core::Session&) override { return ++times_asked, still; }
    bool is_client_gone(const core::Session&) override { return ++times_asked, is_gone; }
};

constexpr int slots = 8;

/// A server's sessions, its two clocks, and who watches.
class Watch : public Test {
  protected:
    Glance& connect() {
        Glance& glance = glances.emplace_back();
        glance = {};
        glance.session = client(static_cast<std::int32_t>(glances.size()));
        glance.session.slot = static_cast<std::int32_t>(glances.size()) - 1;
        enter(glance, State::idle);
        return glance;
    }

    void enter(Glance& glance, State state) {
        glance.session.state = state;
        glance.session.state_change = wall();
    }
    /// A statement was run and left a transaction open, the same or a new one.
    void idle_in_transaction(Glance& glance) {
        enter(glance, State::idle_in_transaction);
        if (glance.session.xact_start == 0)
            glance.session.xact_start = wall();
    }
    void run(Glance& glance) {
        enter(glance, State::active);
        if (glance.session.xact_start == 0)
            glance.session.xact_start = wall();
        glance.session.query_start = wall();
    }
    void commit(Glance& glance) {
        enter(glance, State::idle);
        glance.session.xact_start = 0;
    }
    /// In the middle of a statement it waits for what its client sends.
    void wait_for_client(Glance& glance) {
        run(glance);
        glance.waits_for_client = true;
    }
    /// Another session gets the slot.
    void replace(Glance& glance) { glance.session.id.start += 1; }

    Timestamp wall() const { return now + offset; }
    void pass(Timestamp time) { now += time; }
    void set_wall_clock(Timestamp change) { offset += change; }

    /// A look at all sessions. Returns the parameter that was offended by the last who offends any, or "".
    std::string look() {
        watch.begin(now, wall());
        std::string rule;
        for (const Glance& glance : glances)
            if (const auto found = watch.see(glance, facts)) {
                offence = *found;
                rule = core::rule_name(found->rule);
            }
        return rule;
    }
    /// How long until the next look.
    Timestamp left() const { return watch.next_look() - now; }
    bool is_never() const { return watch.next_look() == core::Watch::never; }

    /// Nobody offends until `time` has passed, and then this rule is offended.
    void expect_offence_after(Timestamp time, const std::string& rule) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), time);
        pass(time - 1);
        EXPECT_EQ(look(), "") << "a microsecond early";
        EXPECT_EQ(left(), 1);
        pass(1);
        EXPECT_EQ(look(), rule);
    }

    /// Looks once a second, `times` times; nobody offends.
    void expect_quiet_seconds(int times) {
        for (int i = 0; i < times; ++i) {
            ASSERT_EQ(look(), "") << "after " << i << " s";
            pass(seconds(1));
        }
    }

    std::deque<Glance> glances;
    KnownFacts facts;
    Offence offence = {};
    core::Watch watch{slots};
    Timestamp now = seconds(5000);
    Timestamp offset = seconds(700000000);
};

/// A rule for a length of time: how it is set to ten seconds, and who offends it from now on.
struct TimedRule {
    const char* name;
    Rule rule;
    Limit limit;
    State state;
    std::function<void(Glance&, KnownFacts&)> more = [](Glance&, KnownFacts&) {};
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
     [](Glance&, KnownFacts& facts) { facts.waiting = 3; }},
    {"idle_in_transaction_blocking_timeout", Rule::blocking, Limit::blocking,
     State::idle_in_transaction_aborted, [](Glance&, KnownFacts& facts) { facts.waiting = 3; }},
    {"idle_in_transaction_horizon_age", Rule::horizon, Limit::horizon_idle, State::idle_in_transaction,
     [](Glance& glance, KnownFacts& facts) {
         glance.limits[Limit::horizon_age] = 100;
         facts.age = 101;
     }},
    {"idle_in_transaction_horizon_age", Rule::horizon, Limit::horizon_idle,
     State::idle_in_transaction_aborted,
     [](Glance& glance, KnownFacts& facts) {
         glance.limits[Limit::horizon_age] = 100;
         facts.age = 101;
     }},
    {"idle_session_timeout", Rule::idle_session, Limit::idle_session, State::idle},
    {"transaction_timeout", Rule::transaction, Limit::transaction, State::active},
    {"transaction_timeout", Rule::transaction, Limit::transaction, State::idle_in_transaction},
};

/// Each of these rules alone.
class WatchOfTime : public Watch, public testing::WithParamInterface<TimedRule> {
  protected:
    /// A session that will offend, as it is from now on, after ten seconds.
    Glance& offender() {
        Glance& glance = connect();
        glance.limits[GetParam().limit] = 10000;
        GetParam().more(glance, facts);
        return glance;
    }
    void begin_to_offend(Glance& glance) {
        enter(glance, GetParam().state);
        glance.session.xact_start = GetParam().state == State::idle ? 0 : wall();
    }
    /// Nothing that is limited.
    void do_something_else(Glance& glance) {
        enter(glance, GetParam().state == State::idle ? State::active : State::idle);
        glance.session.xact_start = 0;
    }
};

INSTANTIATE_TEST_SUITE_P(Rules, WatchOfTime, testing::ValuesIn(timed_rules), [](const auto& each) {
    std::string name = std::string(each.param.name) + "_" + core::state_name(each.param.state);
    name.erase(std::remove_if(name.begin(), name.end(), [](char c) { return !std::isalnum(c) && c != '_'; }),
               name.end());
    return name;
});

} // namespace

// The deadline

TEST_P(WatchOfTime, EndsASessionAtItsDeadlineAndNotBefore) {
    begin_to_offend(offender());
    expect_offence_after(seconds(10), GetParam().name);
    EXPECT_EQ(offence.rule, GetParam().rule);
    EXPECT_EQ(offence.session.id, glances[0].session.id);
    EXPECT_EQ(offence.lasted, seconds(10));
    EXPECT_EQ(offence.limit,
              glances[0].limits[GetParam().rule == Rule::horizon ? Limit::horizon_age : GetParam().limit]);
}

TEST_P(WatchOfTime, CountsFromTheStampNotFromTheLook) {
    begin_to_offend(offender());
    pass(seconds(4));
    expect_offence_after(seconds(6), GetParam().name);
    pass(seconds(7));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_EQ(offence.lasted, seconds(17));
}

TEST_P(WatchOfTime, WhoDoesSomethingElseCannotBeDueBeforeNowAndTheLimit) {
    Glance& glance = offender();
    do_something_else(glance);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10));
        pass(seconds(10));
    }
    begin_to_offend(glance);
    expect_offence_after(seconds(10), GetParam().name);
}

TEST_P(WatchOfTime, StartsAnewForWhoDidSomethingElse) {
    Glance& glance = offender();
    begin_to_offend(glance);
    look();
    pass(seconds(9));
    do_something_else(glance);
    look();
    begin_to_offend(glance);
    expect_offence_after(seconds(10), GetParam().name);
}

// Not seen in between: only the stamps tell.
TEST_P(WatchOfTime, StartsAnewForWhoCameBackBetweenTwoLooks) {
    Glance& glance = offender();
    begin_to_offend(glance);
    look();
    pass(seconds(9));
    begin_to_offend(glance);
    pass(seconds(1));
    expect_offence_after(seconds(9), GetParam().name);
}

TEST_P(WatchOfTime, IsOffWithoutALimit) {
    Glance& glance = offender();
    begin_to_offend(glance);
    glance.limits[GetParam().rule == Rule::horizon ? Limit::horizon_age : GetParam().limit] = 0;
    pass(hour);
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_P(WatchOfTime, ObeysALimitAsItIsNow) {
    Glance& glance = offender();
    begin_to_offend(glance);
    EXPECT_EQ(look(), "");
    glance.limits[GetParam().limit] = 3000;
    pass(seconds(2));
    expect_offence_after(seconds(1), GetParam().name);
    glance.limits[GetParam().limit] = 20000;
    expect_offence_after(seconds(17), GetParam().name);
}

TEST_P(WatchOfTime, StandsTheLongestAndTheShortestLimit) {
    Glance& glance = offender();
    begin_to_offend(glance);
    glance.limits[GetParam().limit] = std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(2147483647));
    glance.limits[GetParam().limit] = 1;
    expect_offence_after(milliseconds(1), GetParam().name);
}

// The wall clock

TEST_P(WatchOfTime, AJumpOfTheWallClockEndsNobodyEarlierOrLater) {
    for (const Timestamp jump : {hour, -hour}) {
        glances.clear();
        watch = core::Watch(slots);
        begin_to_offend(offender());
        EXPECT_EQ(look(), "");
        pass(seconds(4));
        set_wall_clock(jump);
        expect_offence_after(seconds(6), GetParam().name);
        EXPECT_EQ(offence.lasted, seconds(10));
    }
}

TEST_P(WatchOfTime, NorWhoBeganJustBeforeTheJump) {
    for (const Timestamp jump : {hour, -hour}) {
        glances.clear();
        watch = core::Watch(slots);
        look();
        pass(seconds(100));
        begin_to_offend(offender());
        pass(seconds(4));
        set_wall_clock(jump);
        pass(seconds(2));
        expect_offence_after(seconds(4), GetParam().name);
    }
}

TEST_P(WatchOfTime, NorWhoBeganJustAfterTheJump) {
    for (const Timestamp jump : {hour, -hour}) {
        glances.clear();
        watch = core::Watch(slots);
        look();
        pass(seconds(100));
        set_wall_clock(jump);
        pass(seconds(4));
        begin_to_offend(offender());
        pass(seconds(2));
        expect_offence_after(seconds(8), GetParam().name);
    }
}

TEST_P(WatchOfTime, StandsSeveralJumps) {
    begin_to_offend(offender());
    for (const Timestamp jump : {hour, -2 * hour, hour, hour, -3 * hour}) {
        EXPECT_EQ(look(), "");
        pass(seconds(1));
        set_wall_clock(jump);
    }
    expect_offence_after(seconds(5), GetParam().name);
}

// Set back and, before anybody looked, set right again: no look saw a jump.
TEST_P(WatchOfTime, NorWhoBeganBetweenTwoJumps) {
    look();
    pass(seconds(100));
    set_wall_clock(-hour);
    begin_to_offend(offender());
    pass(seconds(1));
    set_wall_clock(hour);
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    EXPECT_LE(left(), seconds(10));
    pass(seconds(8) - 1);
    EXPECT_EQ(look(), "") << "a microsecond early";
}

TEST_P(WatchOfTime, FollowsAWallClockThatIsSlewed) {
    begin_to_offend(offender());
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10 - i));
        pass(seconds(1));
        set_wall_clock(500);
    }
    EXPECT_EQ(look(), GetParam().name);
}

// The monotonic clock stands still meanwhile, the wall clock goes on.
TEST_P(WatchOfTime, ASuspendedMachineEndsOnWakeOnlyWhatIsDue) {
    begin_to_offend(offender());
    EXPECT_EQ(look(), "");
    pass(seconds(4));
    begin_to_offend(offender());
    pass(seconds(1));
    set_wall_clock(8 * hour);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(5));
    pass(seconds(5));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_EQ(offence.session.slot, 0);
    watch.signalled(offence.session);
    expect_offence_after(seconds(4), GetParam().name);
    EXPECT_EQ(offence.session.slot, 1);
}

// What was found

TEST_P(WatchOfTime, SendsNoSecondSignal) {
    begin_to_offend(offender());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    watch.signalled(offence.session);
    for (int i = 0; i < 3; ++i) {
        pass(hour);
        EXPECT_EQ(look(), "");
        begin_to_offend(glances[0]); // it has blocked SIGTERM, and goes on
    }
    watch.reconsider(true);
    pass(hour);
    EXPECT_EQ(look(), "");
}

// At the instant of the signal it had come back: it was not signalled, and may offend again.
TEST_P(WatchOfTime, LooksAgainSoonAtWhoGotAway) {
    begin_to_offend(offender());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    begin_to_offend(glances[0]);
    watch.look_again_soon();
    EXPECT_EQ(left(), milliseconds(1));
    pass(milliseconds(1));
    expect_offence_after(seconds(10) - milliseconds(1), GetParam().name);
}

TEST_P(WatchOfTime, TellsOnceOfAnOffence) {
    begin_to_offend(offender());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    watch.note(offence);
    EXPECT_EQ(left(), 0) << "another rule may be offended, too";
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(10)) << "it may come back and offend again";
        pass(hour);
    }
    begin_to_offend(glances[0]);
    expect_offence_after(seconds(10), GetParam().name);
}

TEST_P(WatchOfTime, AsksAgainAMinuteAfterAnExcuse) {
    begin_to_offend(offender());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    EXPECT_FALSE(watch.is_excused(offence.session));
    watch.excuse(offence.session);
    EXPECT_TRUE(watch.is_excused(offence.session));
    EXPECT_LE(left(), seconds(60));
    expect_offence_after(seconds(60), GetParam().name);
}

TEST_P(WatchOfTime, AnExcuseIsForOnePauseOnly) {
    begin_to_offend(offender());
    pass(seconds(10));
    look();
    watch.excuse(offence.session);
    pass(seconds(1));
    begin_to_offend(glances[0]);
    look();
    EXPECT_FALSE(watch.is_excused(glances[0].session));
    expect_offence_after(seconds(10), GetParam().name);
}

TEST_P(WatchOfTime, JudgesAnewWhatSettingsMayHaveChanged) {
    begin_to_offend(offender());
    pass(seconds(10));
    look();
    watch.excuse(offence.session);
    EXPECT_EQ(look(), "");
    watch.reconsider(true);
    EXPECT_EQ(look(), GetParam().name);
    watch.note(offence);
    EXPECT_EQ(look(), "");
    watch.reconsider(true);
    EXPECT_EQ(look(), GetParam().name);
}

TEST_P(WatchOfTime, TellsOnceWhateverSettingsChangeUnlessItsLimitDoes) {
    begin_to_offend(offender());
    pass(seconds(10));
    EXPECT_EQ(look(), GetParam().name);
    watch.note(offence);
    watch.reconsider(false);
    EXPECT_EQ(look(), "");
    glances[0].limits[core::limit_of(offence.rule)] /= 2;
    EXPECT_EQ(look(), GetParam().name);
    watch.note(offence);
    watch.reconsider(false);
    EXPECT_EQ(look(), "");
}

TEST_P(WatchOfTime, KnowsNothingOfWhoHadTheSlotBefore) {
    const std::function<void()> deeds[] = {
        [this] { watch.signalled(offence.session); },
        [this] { watch.note(offence); },
        [this] { watch.excuse(offence.session); },
    };
    for (const auto& deed : deeds) {
        glances.clear();
        watch = core::Watch(slots);
        begin_to_offend(offender());
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
        deed();
        replace(glances[0]); // with the same stamps
        look();
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
        deed();
        glances[0].session.id.pid += 1;
        look();
        pass(seconds(10));
        EXPECT_EQ(look(), GetParam().name);
    }
}

// A new session's stamps are read with the clock as it is now.
TEST_P(WatchOfTime, ANewSessionHasAClockOfItsOwn) {
    begin_to_offend(offender());
    look();
    pass(seconds(9));
    replace(glances[0]);
    begin_to_offend(glances[0]);
    expect_offence_after(seconds(10), GetParam().name);
}

// Nobody wakes the reaper who logs in with the limits that it knows.
TEST_P(WatchOfTime, ExpectsWhoIsNotThereYet) {
    const Limits limits = offender().limits;
    glances.clear();
    watch.begin(now, wall());
    watch.expect(limits);
    EXPECT_EQ(left(), seconds(10));
    pass(seconds(3));
    look();
    EXPECT_TRUE(is_never());
    watch.expect(limits);
    EXPECT_EQ(left(), seconds(10));
}

TEST_F(Watch, AnExcuseIsForAMinuteHoweverLongTheLimit) {
    connect().limits[Limit::idle_session] = 3600000;
    pass(hour);
    EXPECT_EQ(look(), "idle_session_timeout");
    watch.excuse(offence.session);
    EXPECT_EQ(left(), seconds(60));
    expect_offence_after(seconds(60), "idle_session_timeout");
}

// Several sessions and rules

TEST_F(Watch, HasNobodyToWatch) {
    EXPECT_TRUE(is_never());
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(Watch, LooksAgainSoonUnlessItHasToSooner) {
    Glance& glance = connect();
    glance.limits[Limit::idle_session] = 10;
    look();
    pass(milliseconds(10) - 1);
    look();
    watch.look_again_soon();
    EXPECT_EQ(left(), 1);
}

TEST_F(Watch, LooksAgainLaterAtWhoMayNotBeSignalledNow) {
    Glance& glance = connect();
    glance.limits[Limit::transaction] = 10000;
    run(glance);
    pass(seconds(10));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), "transaction_timeout");
        watch.look_again_later();
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
}

TEST_F(Watch, ExpectsNobodyWithoutALimit) {
    Limits limits;
    limits[Limit::horizon_idle] = 1000; // alone it is none
    look();
    watch.expect(limits);
    EXPECT_TRUE(is_never());
}

TEST_F(Watch, ExpectsTheShortestOfAllLimits) {
    Limits limits;
    limits[Limit::transaction] = 30000;
    limits[Limit::idle_session] = 10000;
    limits[Limit::blocking] = 20000;
    look();
    watch.expect(limits);
    EXPECT_EQ(left(), seconds(10));
    Glance& glance = connect();
    glance.limits[Limit::idle_session] = 4000;
    look();
    EXPECT_EQ(left(), seconds(4));
    watch.expect(limits);
    EXPECT_EQ(left(), seconds(4));
}

TEST_F(Watch, LooksAgainAtTheFirstDeadlineOfAll) {
    for (const std::int32_t limit : {30000, 10000, 20000}) {
        Glance& glance = connect();
        glance.limits[Limit::idle_in_transaction] = limit;
        idle_in_transaction(glance);
    }
    EXPECT_EQ(look(), "");
    for (const int slot : {1, 2, 0}) {
        EXPECT_EQ(left(), seconds(10));
        pass(seconds(10));
        EXPECT_EQ(look(), "idle_in_transaction_timeout");
        EXPECT_EQ(offence.session.slot, slot);
        watch.signalled(offence.session);
    }
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(Watch, LooksAgainAtTheFirstDeadlineOfAllRules) {
    Glance& glance = connect();
    glance.limits[Limit::idle_in_transaction] = 30000;
    glance.limits[Limit::blocking] = 20000;
    glance.limits[Limit::transaction] = 50000;
    glance.limits[Limit::idle_session] = 45000;
    glance.limits[Limit::horizon_age] = 1;
    glance.limits[Limit::horizon_idle] = 40000;
    idle_in_transaction(glance);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(20));
    glance.limits[Limit::blocking] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(30));
    glance.limits[Limit::idle_in_transaction] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(40));
    glance.limits[Limit::horizon_age] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(45));
    glance.limits[Limit::idle_session] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(50));
}

TEST_F(Watch, NamesTheFirstRuleOfAll) {
    Glance& glance = connect();
    glance.limits[Limit::horizon_age] = 1;
    glance.limits[Limit::horizon_idle] = 10000;
    for (const Limit limit :
         {Limit::idle_in_transaction, Limit::blocking, Limit::idle_session, Limit::transaction})
        glance.limits[limit] = 10000;
    idle_in_transaction(glance);
    facts.waiting = 1;
    facts.age = 2;
    pass(seconds(10));
    for (const char* const rule : {"idle_in_transaction_timeout", "idle_in_transaction_blocking_timeout",
                                   "idle_in_transaction_horizon_age", "transaction_timeout", ""}) {
        EXPECT_EQ(look(), rule);
        watch.note(offence);
    }
}

// A rule that is offended does not keep the others from saying when they are.
TEST_F(Watch, LooksAgainForTheOtherRulesOfWhoWasToldOf) {
    Glance& glance = connect();
    glance.limits[Limit::idle_in_transaction] = 10000;
    glance.limits[Limit::transaction] = 15000;
    idle_in_transaction(glance);
    pass(seconds(10));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    EXPECT_EQ(left(), seconds(5));
    watch.note(offence);
    expect_offence_after(seconds(5), "transaction_timeout");
}

TEST_F(Watch, ANoteOfATransactionOutlastsItsStatements) {
    Glance& glance = connect();
    glance.limits[Limit::transaction] = 10000;
    run(glance);
    pass(seconds(10));
    EXPECT_EQ(look(), "transaction_timeout");
    watch.note(offence);
    idle_in_transaction(glance);
    EXPECT_EQ(look(), "");
    pass(hour);
    run(glance);
    EXPECT_EQ(look(), "");
    commit(glance);
    run(glance);
    expect_offence_after(seconds(10), "transaction_timeout");
}

TEST_F(Watch, ANoteOfAPauseOutlastsAChangeOfTheTransactionOnly) {
    Glance& glance = connect();
    glance.limits[Limit::idle_in_transaction] = 10000;
    idle_in_transaction(glance);
    pass(seconds(10));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    watch.note(offence);
    glance.session.xact_start += 1;
    EXPECT_EQ(look(), "");
}

// SAVEPOINT, ROLLBACK TO, FETCH: as core counts.
TEST_F(Watch, AStatementInTheTransactionStartsThePauseAnewButNotTheTransaction) {
    Glance& glance = connect();
    glance.limits[Limit::idle_in_transaction] = 10000;
    glance.limits[Limit::transaction] = 60000;
    idle_in_transaction(glance);
    for (int i = 0; i < 11; ++i) {
        EXPECT_EQ(look(), "");
        pass(seconds(5));
        idle_in_transaction(glance);
    }
    expect_offence_after(seconds(5), "transaction_timeout");
    EXPECT_EQ(offence.lasted, seconds(60));
}

TEST_F(Watch, AnIdleListenerIsIdleAndInNoTransaction) {
    Glance& glance = connect();
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::horizon_age,
                              Limit::horizon_idle, Limit::transaction, Limit::client_silence})
        glance.limits[limit] = 1;
    facts.waiting = 1;
    facts.age = 100;
    for (int i = 0; i < 10; ++i) {
        pass(hour);
        EXPECT_EQ(look(), "");
    }
    EXPECT_EQ(facts.times_asked, 0);
    glance.limits[Limit::idle_session] = 1000;
    EXPECT_EQ(look(), "idle_session_timeout");
}

TEST_F(Watch, IsIdleOnlyWhoSaysSo) {
    Glance& glance = connect();
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::horizon_age,
                              Limit::horizon_idle, Limit::idle_session})
        glance.limits[limit] = 1;
    facts.waiting = 1;
    facts.age = 100;
    for (const State state :
         {State::undefined, State::starting, State::active, State::fastpath, State::disabled}) {
        enter(glance, state);
        look();
        pass(hour);
        EXPECT_EQ(look(), "") << static_cast<int>(state);
    }
}

// Blocking

namespace {

class WatchOfBlocking : public Watch {
  protected:
    Glance& block(std::int32_t limit) {
        Glance& glance = connect();
        glance.limits[Limit::blocking] = limit;
        idle_in_transaction(glance);
        return glance;
    }
};

} // namespace

TEST_F(WatchOfBlocking, AsksOnlyOnceThePauseIsLongEnough) {
    block(10000);
    look();
    pass(seconds(10) - 1);
    look();
    EXPECT_EQ(facts.times_asked, 0);
    pass(1);
    look();
    EXPECT_EQ(facts.times_asked, 1);
}

TEST_F(WatchOfBlocking, AsksOnceASecondWhoMakesNobodyWait) {
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
    EXPECT_EQ(offence.waiting_behind, 2);
    EXPECT_EQ(offence.lasted, seconds(110));
    EXPECT_EQ(offence.held_back, 0);
}

TEST_F(WatchOfBlocking, AsksMoreOftenForAShorterLimit) {
    block(200);
    pass(milliseconds(200));
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(200));
}

TEST_F(WatchOfBlocking, OneWaiterIsEnough) {
    block(10000);
    facts.waiting = 1;
    expect_offence_after(seconds(10), "idle_in_transaction_blocking_timeout");
    EXPECT_EQ(offence.waiting_behind, 1);
}

// The horizon

namespace {

class WatchOfTheHorizon : public Watch {
  protected:
    Glance& hold_back(std::int32_t age, std::int32_t idle) {
        Glance& glance = connect();
        glance.limits[Limit::horizon_age] = age;
        glance.limits[Limit::horizon_idle] = idle;
        idle_in_transaction(glance);
        return glance;
    }
};

} // namespace

TEST_F(WatchOfTheHorizon, EndsWhoHoldsBackMoreThanTheLimit) {
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
    EXPECT_EQ(offence.limit, 1000);
    EXPECT_EQ(offence.held_back, 1001);
    EXPECT_EQ(offence.lasted, seconds(14));
    EXPECT_EQ(offence.waiting_behind, 0);
}

TEST_F(Watch, TellsWhoeverWaitsWhateverTheRule) {
    Glance& idler = connect();
    idler.limits[Limit::idle_in_transaction] = 1000;
    idle_in_transaction(idler);
    facts.waiting = 3;
    look();
    EXPECT_EQ(facts.times_asked, 0) << "before there is something to tell";
    pass(seconds(1));
    EXPECT_EQ(look(), "idle_in_transaction_timeout");
    EXPECT_EQ(offence.waiting_behind, 3);
}

TEST_F(Watch, AsksForNobodyBehindWhoIsInNoTransaction) {
    Glance& idler = connect();
    idler.limits[Limit::idle_session] = 1000;
    facts.waiting = 3;
    pass(seconds(1));
    EXPECT_EQ(look(), "idle_session_timeout");
    EXPECT_EQ(offence.waiting_behind, 0);
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(WatchOfTheHorizon, KnowsMoreTransactionsThanThirtyTwoBitsCount) {
    hold_back(std::numeric_limits<std::int32_t>::max(), 10000);
    facts.age = std::int64_t{1} << 32;
    expect_offence_after(seconds(10), "idle_in_transaction_horizon_age");
    EXPECT_EQ(offence.held_back, std::int64_t{1} << 32);
}

TEST_F(WatchOfTheHorizon, AsksOnlyOnceThePauseIsLongEnough) {
    hold_back(1000, 10000);
    facts.age = 5000;
    look();
    pass(seconds(10) - 1);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(WatchOfTheHorizon, EndsWhoseClientDoesNotReadNotifications) {
    Glance& glance = hold_back(1000, 10000);
    enter(glance, State::idle); // since then, it seems, in the transaction of a statement long ago
    facts.age = 5000;
    expect_quiet_seconds(100);
    glance.waits_for_client = true;
    expect_quiet_seconds(9);
    facts.still.switches++; // it ran
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), "idle_in_transaction_horizon_age");
    EXPECT_EQ(offence.lasted, seconds(10));
    EXPECT_EQ(offence.switches, facts.still.switches);
    EXPECT_TRUE(is_unread(offence));
    facts.still.is_asleep = false;
    expect_quiet_seconds(100);
}

TEST_F(WatchOfTheHorizon, NotWhoIsIdleInNoTransaction) {
    Glance& glance = hold_back(1000, 10000);
    commit(glance);
    glance.waits_for_client = true;
    facts.age = 5000;
    expect_quiet_seconds(100);
}

// Else who is between two statements would be ended.
TEST_F(WatchOfTheHorizon, ThePauseIsAMillisecondAtLeast) {
    hold_back(1000, 0);
    facts.age = 5000;
    expect_offence_after(milliseconds(1), "idle_in_transaction_horizon_age");
}

// Silence

namespace {

class WatchOfSilence : public Watch {
  protected:
    static constexpr const char* name = "client_silence_timeout";

    Glance& fall_silent(std::int32_t limit = 10000) {
        Glance& glance = connect();
        glance.limits[Limit::client_silence] = limit;
        wait_for_client(glance);
        return glance;
    }

    /// Silent for nine of its ten seconds.
    Glance& almost_offend() {
        Glance& glance = fall_silent();
        expect_quiet_seconds(9);
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), seconds(1));
        return glance;
    }
    /// From now on it has ten seconds again.
    void expect_new_beginning() {
        expect_quiet_seconds(10);
        EXPECT_EQ(look(), name);
    }
};

} // namespace

TEST_F(WatchOfSilence, EndsWhoWasSilentAtEveryLook) {
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
    EXPECT_EQ(offence.lasted, seconds(10));
    EXPECT_EQ(offence.limit, 10000);
    EXPECT_EQ(offence.switches, 17u);
}

TEST_F(WatchOfSilence, LooksTenTimesWithinTheLimitAndEveryFiveSecondsAtLeast) {
    for (const auto& [limit, between_looks] :
         std::initializer_list<std::pair<std::int32_t, Timestamp>>{{1, milliseconds(1)},
                                                                   {5, milliseconds(1)},
                                                                   {100, milliseconds(10)},
                                                                   {50000, seconds(5)},
                                                                   {50010, seconds(5)},
                                                                   {3600000, seconds(5)}}) {
        glances.clear();
        watch = core::Watch(slots);
        fall_silent(limit);
        EXPECT_EQ(look(), "") << limit;
        EXPECT_EQ(left(), between_looks) << limit;
    }
}

TEST_F(WatchOfSilence, LooksAgainNoLaterThanTheLimit) {
    fall_silent();
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(look(), "");
        pass(milliseconds(1600));
    }
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(400));
}

// It may begin right after a look.
TEST_F(WatchOfSilence, WhoDoesNotWaitIsLookedAtTenTimesWithinTheLimit) {
    Glance& glance = fall_silent(100000);
    glance.waits_for_client = false;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(10));
    EXPECT_EQ(facts.times_asked, 0);
    glance.limits[Limit::client_silence] = 5;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), milliseconds(1));
}

TEST_F(WatchOfSilence, ExpectsWhoFallsSilentAsSoonAsItIsThere) {
    for (const auto& [limit, between_looks] : std::initializer_list<std::pair<std::int32_t, Timestamp>>{
             {5, milliseconds(1)}, {10000, seconds(1)}, {100000, seconds(10)}}) {
        Limits limits;
        limits[Limit::client_silence] = limit;
        look();
        watch.expect(limits);
        EXPECT_EQ(left(), between_looks) << limit;
    }
}

// A reaper that was stopped itself, or a machine that stood still.
TEST_F(WatchOfSilence, ALongGapCountsAsTwoShortOnes) {
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
    EXPECT_EQ(offence.lasted, seconds(10));
}

TEST_F(WatchOfSilence, ALongGapUnderALongLimitCountsTenSeconds) {
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

TEST_F(WatchOfSilence, WhoRanStartsAnew) {
    almost_offend();
    ++facts.still.switches;
    pass(seconds(1));
    expect_new_beginning();
    EXPECT_EQ(offence.switches, facts.still.switches);
}

// A slow but living COPY: it always sleeps when somebody looks.
TEST_F(WatchOfSilence, EndsWhoseClientDoesNotReadNotifications) {
    Glance& glance = connect();
    glance.limits[Limit::client_silence] = 10000;
    glance.session.xact_start = wall();
    glance.waits_for_client = true;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    EXPECT_TRUE(is_unread(offence));
    EXPECT_TRUE(is_of_silence(offence));
}

TEST_F(WatchOfSilence, WhoRunsNowAndThenStays) {
    fall_silent();
    for (int i = 0; i < 1000; ++i) {
        ASSERT_EQ(look(), "") << i;
        pass(seconds(1));
        if (i % 9 == 0)
            ++facts.still.switches;
    }
}

TEST_F(WatchOfSilence, WhoIsNotAsleepStartsAnew) {
    almost_offend();
    facts.still.is_asleep = false;
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    facts.still.is_asleep = true;
    pass(seconds(1));
    expect_new_beginning();
}

// A stopped process: no switch, but never asleep.
TEST_F(WatchOfSilence, WhoIsNeverAsleepStays) {
    fall_silent();
    facts.still.is_asleep = false;
    expect_quiet_seconds(1000);
}

TEST_F(WatchOfSilence, WhoDidNotWaitForItsClientStartsAnew) {
    Glance& glance = almost_offend();
    glance.waits_for_client = false;
    pass(seconds(1));
    EXPECT_EQ(look(), "");
    glance.waits_for_client = true;
    pass(seconds(1));
    expect_new_beginning();
}

TEST_F(WatchOfSilence, WhoChangedItsStateStartsAnew) {
    Glance& glance = almost_offend();
    pass(seconds(1));
    enter(glance, State::active);
    expect_new_beginning();
}

TEST_F(WatchOfSilence, ASuccessorInTheSlotStartsAnew) {
    Glance& glance = almost_offend();
    pass(seconds(1));
    replace(glance);
    expect_new_beginning();
}

TEST_F(WatchOfSilence, AJumpOfTheWallClockIsNoSilence) {
    fall_silent();
    for (const Timestamp jump : {hour, -hour, 3 * hour, -hour, hour}) {
        EXPECT_EQ(look(), "");
        pass(seconds(1));
        set_wall_clock(jump);
    }
    expect_quiet_seconds(5);
    EXPECT_EQ(look(), name);
    EXPECT_EQ(offence.lasted, seconds(10));
}

TEST_F(WatchOfSilence, ObeysALimitAsItIsNow) {
    Glance& glance = fall_silent(100000);
    expect_quiet_seconds(5);
    EXPECT_EQ(look(), "");
    glance.limits[Limit::client_silence] = 5000;
    EXPECT_EQ(look(), name);
    glance.limits[Limit::client_silence] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(WatchOfSilence, TellsOnceAndSignalsOnce) {
    fall_silent();
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    watch.note(offence);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(10));
    expect_quiet_seconds(100);
    watch.reconsider(true);
    pass(seconds(1));
    EXPECT_EQ(look(), name);
    watch.signalled(offence.session);
    expect_quiet_seconds(100);
}

TEST_F(WatchOfSilence, AnExcuseHoldsForAMinute) {
    fall_silent();
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
    watch.excuse(offence.session);
    EXPECT_LE(left(), seconds(60));
    expect_quiet_seconds(60);
    EXPECT_EQ(look(), name);
}

TEST_F(WatchOfSilence, IsNamedAfterAllOtherRules) {
    Glance& glance = fall_silent();
    glance.limits[Limit::transaction] = 10000;
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), "transaction_timeout");
    watch.note(offence);
    EXPECT_EQ(look(), name);
}

// Statements

namespace {

class WatchOfStatements : public Watch {
  protected:
    static constexpr const char* name = "statement_timeout";

    Glance& begin_statement(std::int32_t limit = 10000) {
        Glance& glance = connect();
        glance.limits[Limit::statement] = limit;
        run(glance);
        return glance;
    }
};

} // namespace

TEST_F(WatchOfStatements, AreCancelledAtTheDeadlineAndNotBefore) {
    begin_statement();
    expect_offence_after(seconds(10), name);
    EXPECT_TRUE(offence.is_cancel);
    EXPECT_EQ(offence.lasted, seconds(10));
}

TEST_F(WatchOfStatements, TheirSessionEndsWhereTheyGoOnForAsLongAgain) {
    begin_statement();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    watch.cancelled(offence);
    EXPECT_EQ(left(), seconds(10));
    expect_offence_after(seconds(10), name);
    EXPECT_FALSE(offence.is_cancel);
    EXPECT_EQ(offence.lasted, seconds(20));
    watch.signalled(offence.session);
    expect_quiet_seconds(100);
}

TEST_F(WatchOfStatements, HaveFiveSecondsAtLeastToClean) {
    begin_statement(2000);
    pass(seconds(2));
    EXPECT_EQ(look(), name);
    watch.cancelled(offence);
    EXPECT_EQ(left(), seconds(2)) << "for the next statement";
    for (const Timestamp more : {seconds(2), seconds(1)}) {
        pass(seconds(2));
        EXPECT_EQ(look(), "");
        EXPECT_EQ(left(), std::min(more, seconds(2)));
    }
    pass(seconds(1));
    EXPECT_EQ(look(), name);
    EXPECT_FALSE(offence.is_cancel);
}

TEST_F(WatchOfStatements, TheNextOneHasTheWholeLimit) {
    Glance& glance = begin_statement();
    pass(seconds(9));
    EXPECT_EQ(look(), "");
    run(glance); // in the same transaction
    expect_offence_after(seconds(10), name);
    watch.cancelled(offence);
    run(glance);
    expect_offence_after(seconds(10), name);
    EXPECT_TRUE(offence.is_cancel);
}

TEST_F(WatchOfStatements, OnlyThoseThatRun) {
    Glance& glance = begin_statement();
    for (const State state : {State::idle, State::idle_in_transaction, State::idle_in_transaction_aborted,
                              State::starting, State::disabled}) {
        enter(glance, state);
        expect_quiet_seconds(100);
    }
    enter(glance, State::fastpath);
    glance.session.query_start = wall();
    expect_offence_after(seconds(10), name);
}

TEST_F(WatchOfStatements, AreToldOfOnce) {
    Glance& glance = begin_statement();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    watch.note(offence);
    expect_quiet_seconds(100);
    run(glance);
    EXPECT_EQ(look(), "");
    expect_offence_after(seconds(10), name);
}

// Lifetimes

namespace {

class WatchOfAges : public Watch {
  protected:
    static constexpr const char* name = "session_lifetime_timeout";

    Glance& begin_session(std::int32_t limit = 10000) {
        Glance& glance = connect();
        glance.session.id.start = wall();
        glance.limits[Limit::lifetime] = limit;
        return glance;
    }
    std::string look() {
        std::string rule = Watch::look();
        for (const Glance& glance : glances)
            if (const auto found = watch.see_age(glance)) {
                offence = *found;
                rule.append(core::rule_name(found->rule));
            }
        return rule;
    }
    void expect_offence_after(Timestamp time) {
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

TEST_F(WatchOfAges, EndAtTheDeadlineAndNotBefore) {
    begin_session();
    expect_offence_after(seconds(10));
    EXPECT_EQ(offence.lasted, seconds(10));
    EXPECT_EQ(offence.limit, 10000);
    EXPECT_EQ(facts.times_asked, 0) << "who waits does not matter";
}

TEST_F(WatchOfAges, WhateverTheSessionDoes) {
    Glance& glance = begin_session();
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(look(), "") << i;
        run(glance);
        pass(milliseconds(500));
        EXPECT_EQ(look(), "") << i;
        commit(glance);
        pass(milliseconds(500));
    }
    EXPECT_EQ(look(), name);
    for (const State state : {State::active, State::idle_in_transaction, State::idle_in_transaction_aborted,
                              State::fastpath, State::disabled, State::idle}) {
        enter(glance, state);
        EXPECT_EQ(look(), name) << core::state_name(state);
    }
    enter(glance, State::starting);
    EXPECT_EQ(look(), "") << "it is no session yet";
}

TEST_F(WatchOfAges, AreAnOffenceOnceASecondUntilTheSignal) {
    begin_session();
    pass(seconds(10));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(look(), name);
        EXPECT_EQ(left(), seconds(1));
        pass(seconds(1));
    }
    watch.signalled(offence.session);
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(WatchOfAges, AreTheClockOfNobodyElse) {
    begin_session();
    EXPECT_EQ(look(), "");
    set_wall_clock(hour);
    expect_offence_after(seconds(10));
    set_wall_clock(-2 * hour);
    EXPECT_EQ(look(), name);
    Glance& next = glances.back();
    next.session.id.start = wall();
    EXPECT_EQ(look(), "") << "the next session in that place";
    EXPECT_EQ(left(), seconds(10));
}

TEST_F(WatchOfAges, ALimitThatIsLiftedOrRaisedFrees) {
    Glance& glance = begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    glance.limits[Limit::lifetime] = 15000;
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(5));
    glance.limits[Limit::lifetime] = 0;
    EXPECT_EQ(look(), "");
    EXPECT_TRUE(is_never());
}

TEST_F(WatchOfAges, TheExcusedAreAskedAboutAfterAMinute) {
    begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    watch.excuse(offence.session);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(60));
    pass(seconds(60));
    EXPECT_EQ(look(), name);
}

TEST_F(WatchOfAges, AreToldOfOnce) {
    Glance& glance = begin_session();
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    watch.note(offence);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(look(), "") << i;
        run(glance);
        pass(seconds(1));
    }
    watch.reconsider(true);
    EXPECT_EQ(look(), name);
}

TEST_F(WatchOfAges, OtherRulesBindUntilTheEnd) {
    Glance& glance = begin_session();
    glance.limits[Limit::idle_in_transaction] = 20000;
    idle_in_transaction(glance);
    pass(seconds(10));
    EXPECT_EQ(look(), name);
    pass(seconds(10));
    EXPECT_EQ(look(), std::string("idle_in_transaction_timeout") + name);
}

TEST_F(WatchOfAges, ALoginIsNotDueBeforeItsLimit) {
    Limits limits;
    limits[Limit::lifetime] = 5000;
    EXPECT_EQ(look(), "");
    watch.expect(limits);
    EXPECT_EQ(left(), seconds(5));
}

// Clients that are gone

namespace {

class WatchOfClients : public Watch {
  protected:
    static constexpr const char* name = "client_gone_timeout";

    Glance& run_without_client() {
        Glance& glance = connect();
        glance.limits[Limit::client_gone] = 10000;
        run(glance);
        facts.is_gone = true;
        return glance;
    }
};

} // namespace

TEST_F(WatchOfClients, EndsWhoRunsOnForAsLongAsTheLimitAllows) {
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
    EXPECT_EQ(offence.lasted, seconds(10));
    EXPECT_EQ(offence.limit, 10000);
    watch.signalled(offence.session);
    expect_quiet_seconds(100);
}

TEST_F(WatchOfClients, LooksTenTimesWithinTheLimitForWhomHasAClient) {
    run_without_client();
    facts.is_gone = false;
    expect_quiet_seconds(100);
    EXPECT_EQ(look(), "");
    EXPECT_EQ(left(), seconds(1));
    Limits limits;
    limits[Limit::client_gone] = 5000;
    watch.expect(limits);
    EXPECT_EQ(left(), milliseconds(500));
}

TEST_F(WatchOfClients, OneStatementAfterTheOtherDoesNotHelp) {
    Glance& glance = run_without_client();
    for (int i = 0; i < 10; ++i) {
        ASSERT_EQ(look(), "") << i;
        pass(seconds(1));
        commit(glance);
        run(glance);
    }
    EXPECT_EQ(look(), name);
    watch.note(offence);
    run(glance);
    EXPECT_EQ(look(), "") << "it is told of once";
}

TEST_F(WatchOfClients, WhoIsIdleFindsOutItself) {
    Glance& glance = run_without_client();
    for (const State state : {State::idle, State::idle_in_transaction, State::starting, State::disabled}) {
        enter(glance, state);
        expect_quiet_seconds(100);
    }
    EXPECT_EQ(facts.times_asked, 0);
    enter(glance, State::fastpath);
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

TEST_F(WatchOfClients, NoWalsenderIsEnded) {
    Glance& glance = run_without_client();
    for (const core::Kind kind : {core::Kind::walsender, core::Kind::database_walsender}) {
        glance.session.kind = kind;
        expect_quiet_seconds(100);
    }
    EXPECT_EQ(facts.times_asked, 0);
}

TEST_F(WatchOfClients, ASuccessorInTheSlotStartsAnew) {
    Glance& glance = run_without_client();
    expect_quiet_seconds(9);
    replace(glance);
    expect_quiet_seconds(10);
    EXPECT_EQ(look(), name);
}

// Everything at once

namespace {

/// Sessions that begin, pause, go on and commit at random, under a wall clock that jumps at random.
class RandomTraffic : public Watch {
  protected:
    static constexpr Timestamp limit = 10 * core::microseconds_per_second;

    RandomTraffic() {
        for (int slot = 0; slot < slots; ++slot)
            connect().limits[Limit::idle_in_transaction] = 10000;
    }

    bool chance(unsigned in) { return random() % in == 0; }

    void act() {
        const auto slot = random() % slots;
        Glance& glance = glances[slot];
        if (chance(4)) {
            run(glance);
        } else if (chance(4)) {
            commit(glance);
        } else {
            idle_in_transaction(glance);
            idle_since[slot] = now;
        }
    }

    /// Ends who offends; what the watch says of each has to be what the test knows.
    void look_and_compare() {
        watch.begin(now, wall());
        for (std::size_t slot = 0; slot < slots; ++slot) {
            Glance& glance = glances[slot];
            const bool is_due =
                is_idle_in_transaction(glance.session.state) && now - idle_since[slot] >= limit;
            const auto found = watch.see(glance, facts);
            ASSERT_EQ(found.has_value(), is_due) << "slot " << slot;
            if (!found)
                continue;
            ASSERT_EQ(found->lasted, limit);
            ++ended;
            watch.signalled(glance.session);
            replace(glance);
            commit(glance);
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

TEST(WatchSlots, NoSuchSlot) {
    core::Watch watch(2);
    core::Session session = client(1);
    for (const int slot : {-1, 2}) {
        session.slot = slot;
        EXPECT_STREQ(error_of([&] { watch.signalled(session); }).sqlstate(), "XX000") << slot;
    }
}

} // namespace sessionctl::test
