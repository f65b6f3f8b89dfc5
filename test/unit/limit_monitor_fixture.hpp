// A limit monitor with sessions, clocks and facts that a test sets.
#pragma once

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
    void start_anew() {
        samples.clear();
        monitor = core::LimitMonitor(slots);
    }

    SessionSample& connect() {
        SessionSample& sample = samples.emplace_back();
        sample = {};
        sample.session = client(static_cast<std::int32_t>(samples.size()));
        sample.session.slot = static_cast<std::int32_t>(samples.size()) - 1;
        enter(sample, State::idle);
        return sample;
    }
    SessionSample& connect(Limit limit, std::int32_t milliseconds) {
        SessionSample& sample = connect();
        sample.limits[limit] = milliseconds;
        return sample;
    }

    void enter(SessionSample& sample, State state) {
        sample.session.state = state;
        sample.session.state_change = wall();
    }
    /// A statement was run and left a transaction open, the same or a new one.
    SessionSample& idle_in_transaction(SessionSample& sample) {
        enter(sample, State::idle_in_transaction);
        if (sample.session.xact_start == 0)
            sample.session.xact_start = wall();
        return sample;
    }
    SessionSample& run(SessionSample& sample) {
        enter(sample, State::active);
        if (sample.session.xact_start == 0)
            sample.session.xact_start = wall();
        sample.session.query_start = wall();
        return sample;
    }
    void commit(SessionSample& sample) {
        enter(sample, State::idle);
        sample.session.xact_start = 0;
    }
    /// In the middle of a statement it waits for what its client sends.
    SessionSample& wait_for_client(SessionSample& sample) {
        sample.waits_for_client = true;
        return run(sample);
    }
    /// Another session gets the slot.
    void replace(SessionSample& sample) { sample.session.id.start += 1; }

    Timestamp wall() const { return now + offset; }
    void pass(Timestamp time) { now += time; }
    void set_wall_clock(Timestamp change) { offset += change; }

    /// A look at all sessions. Returns the parameter of the last violation, or "".
    virtual std::string look() {
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

    /// The same of a rule that needs a look each second, of ten; its time begins with the first.
    void expect_violation_after_ten_looks(const std::string& rule) {
        for (int i = 0; i < 10; ++i) {
            EXPECT_EQ(look(), "") << i;
            EXPECT_EQ(left(), seconds(1));
            pass(seconds(1));
        }
        now -= 1;
        EXPECT_EQ(look(), "") << "a microsecond early";
        EXPECT_EQ(left(), 1);
        pass(1);
        EXPECT_EQ(look(), rule);
        EXPECT_EQ(violation.lasted, seconds(10));
        EXPECT_EQ(violation.limit, 10000);
    }

    /// Once `time` has passed this rule is violated, and the violation is logged.
    void log_violation_after(Timestamp time, const std::string& rule) {
        pass(time);
        EXPECT_EQ(look(), rule);
        monitor.logged(violation);
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

} // namespace

} // namespace sessionctl::test
