#include "core/sessions/progress.hpp"

#include "support.hpp"

namespace sessionctl::test {

namespace {

using core::Outcome;
using core::State;

core::Target target_at(Outcome outcome, core::Timestamp signalled_at = 0) {
    core::Target target = {};
    target.outcome = outcome;
    target.signalled_at = signalled_at;
    return target;
}

void expect_progress(const core::Plan& plan, const core::Progress& expected) {
    const core::Progress progress = core::progress_of(plan);
    EXPECT_EQ(progress.chosen, expected.chosen);
    EXPECT_EQ(progress.signalled, expected.signalled);
    EXPECT_EQ(progress.done, expected.done);
    EXPECT_EQ(progress.left, expected.left);
}

core::Activity activity(State state, const char* type = nullptr, const char* event = nullptr) {
    return {true, true, state, type, event};
}

} // namespace

TEST(Progress, CountsFromThePlan) {
    expect_progress({}, {0, 0, 0, 0});
    expect_progress({target_at(Outcome::chosen), target_at(Outcome::chosen)}, {2, 0, 0, 2});
    expect_progress({target_at(Outcome::spared), target_at(Outcome::denied)}, {0, 0, 0, 0});
    expect_progress({target_at(Outcome::terminated, 7), target_at(Outcome::cancelled, 7),
                     target_at(Outcome::signalled, 7), target_at(Outcome::still_running, 7),
                     target_at(Outcome::not_permitted, 7)},
                    {5, 5, 2, 3});
    expect_progress({target_at(Outcome::not_reached)}, {1, 0, 0, 1});
}

TEST(Progress, SkippedSessionIsChosenButNeitherDoneNorLeft) {
    expect_progress({target_at(Outcome::already_gone), target_at(Outcome::already_gone, 7),
                     target_at(Outcome::not_running), target_at(Outcome::no_longer_matches)},
                    {4, 0, 0, 0});
    // By the operating system.
    expect_progress({target_at(Outcome::denied, 7)}, {1, 0, 0, 0});
}

TEST(Progress, OfADrainCountsRequestsAsSignals) {
    expect_progress({target_at(Outcome::chosen, 7), target_at(Outcome::terminated, 7)}, {2, 2, 1, 1});
}

TEST(Progress, IsReportedAfterTwoSecondsAndThenEveryFive) {
    core::ProgressClock clock(1000);
    EXPECT_FALSE(clock.is_due(1000));
    EXPECT_FALSE(clock.is_due(1000 + milliseconds(1999)));
    EXPECT_TRUE(clock.is_due(1000 + milliseconds(2000)));
    EXPECT_FALSE(clock.is_due(1000 + milliseconds(2000)));
    EXPECT_FALSE(clock.is_due(1000 + milliseconds(6999)));
    EXPECT_TRUE(clock.is_due(1000 + milliseconds(9000))) << "late";
    EXPECT_FALSE(clock.is_due(1000 + milliseconds(13999)));
    EXPECT_TRUE(clock.is_due(1000 + milliseconds(14000)));
}

TEST(Progress, SaysWhatTheRemainingSessionsDo) {
    core::Activities activities;
    EXPECT_EQ(str(activities.text()), "");
    activities.add(activity(State::active, "Lock", "relation"));
    activities.add(activity(State::idle_in_transaction, "Client", "ClientRead"));
    activities.add(activity(State::idle_in_transaction, "Client", "ClientRead"));
    activities.add(activity(State::active));
    EXPECT_EQ(str(activities.text()), "2 idle in transaction, 1 active, 1 active (Lock: relation)");
    activities.add(activity(State::active, "Client", "ClientRead"));
    activities.add(activity(State::idle, "Client", "ClientWrite"));
    EXPECT_EQ(str(activities.text()),
              "2 idle in transaction, 1 active, 1 active (Client: ClientRead), 1 active (Lock: "
              "relation), 1 idle (Client: ClientWrite)");
}

TEST(Progress, ShowsNothingHidden) {
    core::Activities activities;
    activities.add({false, true, State::active, "Lock", "relation"});
    activities.add({false, false, State::undefined, nullptr, nullptr});
    EXPECT_EQ(str(activities.text()), "2 whose state is hidden from you");
}

TEST(Progress, SaysWhichAreEndingAndWhichReportNothing) {
    core::Activities activities;
    activities.add({true, false, State::undefined, nullptr, nullptr});
    activities.add(activity(State::disabled));
    activities.add(activity(State::undefined));
    EXPECT_EQ(str(activities.text()),
              "1 exiting, 1 in a state that is not known, 1 with track_activities off");
}

TEST(Progress, NamesTheLargestGroupsOnly) {
    core::Activities activities;
    for (const char* event : {"a", "b", "c", "d", "e", "f", "g", "h"})
        activities.add(activity(State::active, "Extension", event));
    EXPECT_EQ(
        str(activities.text()),
        "1 active (Extension: a), 1 active (Extension: b), 1 active (Extension: c), "
        "1 active (Extension: d), 1 active (Extension: e), 1 active (Extension: f), 2 in another state");
}

TEST(Progress, SaysItInWords) {
    EXPECT_EQ(str(core::progress_text({5, 5, 2, 3}, core::Call::drain, milliseconds(7900))),
              "2 of 5 sessions have ended after 7 s");
    EXPECT_EQ(str(core::progress_text({1, 1, 0, 1}, core::Call::cancel, milliseconds(2000))),
              "0 of 1 session has stopped after 2 s");
    EXPECT_EQ(str(core::progress_text({2, 2, 1, 1}, core::Call::escalate, milliseconds(2000))),
              "1 of 2 sessions have obeyed after 2 s");
    EXPECT_EQ(str(core::progress_text(core::Call::lockdown_server, milliseconds(2000))),
              "lockdown_server still waits after 2 s");
}

TEST(Progress, NamesTheCall) {
    EXPECT_STREQ(core::call_name(core::call_of(core::Action::cancel)), "cancel");
    EXPECT_STREQ(core::call_name(core::call_of(core::Action::terminate)), "terminate");
    EXPECT_STREQ(core::call_name(core::call_of(core::Action::drain)), "drain");
    EXPECT_STREQ(core::call_name(core::call_of(core::Action::escalate)), "escalate");
    EXPECT_STREQ(core::call_name(core::Call::limit_role), "limit_role");
}

} // namespace sessionctl::test
