// The options of a rule, as they are checked when it is made.
#include "core/rules/action_times.hpp"
#include "core/rules/rule.hpp"
#include "support.hpp"

#include <algorithm>

namespace sessionctl::test {

using core::Interval;
using core::RuleAction;
using core::SessionRule;

namespace {

constexpr std::int64_t one_day = 24 * hour;

Interval interval(std::int64_t microseconds) {
    return {microseconds, 0, 0, false};
}

constexpr Interval for_ever = {0, 0, 0, true};

/// The error of a rule's option: SQLSTATE and message.
template <typename Body>
std::string refusal(Body&& body) {
    const core::Error error = error_of(std::forward<Body>(body));
    EXPECT_STRNE(error.hint(), "");
    return std::string(error.sqlstate()) + " " + error.what();
}

} // namespace

TEST(SessionRule, ActsAsItWasDesignedTo) {
    const SessionRule rule;
    EXPECT_TRUE(rule.is_enabled);
    EXPECT_EQ(rule.action, RuleAction::log);
    EXPECT_EQ(rule.streak, core::Streak::statement);
    EXPECT_EQ(rule.matching_for, 0);
    EXPECT_EQ(rule.check_every, seconds(1));
    EXPECT_FALSE(rule.at_most.has_value());
    EXPECT_EQ(rule.at_most_within, seconds(60));
    EXPECT_EQ(rule.step, seconds(2));
    EXPECT_EQ(rule.timeout, seconds(60));
    EXPECT_FALSE(rule.closes_sockets);
    EXPECT_FALSE(rule.forces);
    EXPECT_EQ(rule.cooldown, 0);
}

TEST(SessionRule, ActionsGoByTheirNamesFromTheWeakestToTheStrongest) {
    const std::string_view names[] = {"log", "notify", "drain", "cancel", "escalate", "terminate"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        EXPECT_EQ(core::checked_rule_action(names[i]), static_cast<RuleAction>(i));
        EXPECT_EQ(core::rule_action_name(static_cast<RuleAction>(i)), names[i]);
    }
    EXPECT_EQ(refusal([] { core::checked_rule_action("kill"); }), "22023 unrecognized action \"kill\"");
    EXPECT_EQ(refusal([] { core::checked_rule_action("Log"); }), "22023 unrecognized action \"Log\"");
}

TEST(SessionRule, StreaksGoByTheirNames) {
    const std::string_view names[] = {"statement", "transaction", "session"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        EXPECT_EQ(core::checked_streak(names[i]), static_cast<core::Streak>(i));
        EXPECT_EQ(core::streak_name(static_cast<core::Streak>(i)), names[i]);
    }
    EXPECT_EQ(refusal([] { core::checked_streak("query"); }), "22023 unrecognized streak \"query\"");
}

TEST(SessionRule, AValueOutOfItsEnumHasNoName) {
    EXPECT_STREQ(core::rule_action_name(static_cast<RuleAction>(99)), "");
    EXPECT_STREQ(core::streak_name(static_cast<core::Streak>(99)), "");
}

TEST(SessionRule, ANameIsShortAndOfOneLine) {
    const auto checked = [](std::string_view name) {
        return core::checked_rule_name(name, core::Encoding::utf8);
    };
    const std::string longest(63, 'x');
    EXPECT_EQ(checked("long reports"), "long reports");
    EXPECT_EQ(checked(longest), longest);
    EXPECT_STREQ(error_of([&] { checked(""); }).sqlstate(), "22023");
    EXPECT_STREQ(error_of([&] { checked(longest + "x"); }).sqlstate(), "42622");
    EXPECT_STREQ(error_of([&] { checked("a\nb"); }).sqlstate(), "22023");
    EXPECT_STREQ(error_of([&] { checked("a\xe2\x80\xaeg"); }).sqlstate(), "22023");
    EXPECT_STREQ(error_of([&] { checked("a\xc2\x85"); }).sqlstate(), "22023");
    EXPECT_EQ(core::checked_rule_name("a\xc2\x85", core::Encoding::other), "a\xc2\x85");
}

TEST(SessionRule, MatchingForIsFromNothingToAMonth) {
    EXPECT_EQ(core::checked_matching_for(interval(0)), 0);
    EXPECT_EQ(core::checked_matching_for({0, 30, 0, false}), 30 * one_day);
    EXPECT_EQ(refusal([] {
                  core::checked_matching_for({1, 30, 0, false});
              }),
              "22023 matching_for must not be longer than 30 days");
    EXPECT_EQ(refusal([] { core::checked_matching_for(interval(-1)); }),
              "22023 matching_for must not be negative");
    EXPECT_EQ(refusal([] { core::checked_matching_for(for_ever); }),
              "22023 matching_for must not be infinite");
}

TEST(SessionRule, ChecksAreFromATenthOfASecondToAnHourApart) {
    EXPECT_EQ(core::checked_check_every(interval(milliseconds(100))), milliseconds(100));
    EXPECT_EQ(core::checked_check_every(interval(hour)), hour);
    EXPECT_EQ(refusal([] { core::checked_check_every(interval(milliseconds(99))); }),
              "22023 check_every must not be shorter than 100 ms");
    EXPECT_EQ(refusal([] { core::checked_check_every(interval(hour + 1)); }),
              "22023 check_every must not be longer than one hour");
    EXPECT_EQ(refusal([] { core::checked_check_every(for_ever); }), "22023 check_every must not be infinite");
}

TEST(SessionRule, AtMostIsANumberThatIsKept) {
    EXPECT_EQ(core::checked_at_most(1), 1);
    EXPECT_EQ(core::checked_at_most(core::ActionTimes::most), core::ActionTimes::most);
    EXPECT_EQ(refusal([] { core::checked_at_most(0); }), "22023 at_most must be between 1 and 100");
    EXPECT_EQ(refusal([] { core::checked_at_most(101); }), "22023 at_most must be between 1 and 100");
    EXPECT_EQ(core::checked_at_most_within(interval(1)), milliseconds(1));
    EXPECT_EQ(core::checked_at_most_within(interval(one_day)), one_day);
    EXPECT_EQ(refusal([] { core::checked_at_most_within(interval(0)); }),
              "22023 at_most_within must be longer than '0'");
    EXPECT_EQ(refusal([] { core::checked_at_most_within(interval(one_day + 1)); }),
              "22023 at_most_within must not be longer than one day");
}

TEST(SessionRule, AnActionIsWaitedForUpToAnHour) {
    EXPECT_EQ(core::checked_rule_timeout(interval(hour)), hour);
    EXPECT_EQ(refusal([] { core::checked_rule_timeout(interval(0)); }),
              "22023 timeout must be longer than '0'");
    EXPECT_EQ(refusal([] { core::checked_rule_timeout(interval(hour + 1)); }),
              "22023 timeout must not be longer than one hour");
}

TEST(SessionRule, AnOptionNeedsTheActionThatKnowsIt) {
    for (const RuleAction action : {RuleAction::log, RuleAction::notify, RuleAction::drain,
                                    RuleAction::cancel, RuleAction::escalate, RuleAction::terminate}) {
        SessionRule rule;
        rule.action = action;
        core::check_rule(rule);
        const auto check_with = [action](auto set) {
            SessionRule with;
            with.action = action;
            set(with);
            core::check_rule(with);
        };
        const auto force = [&] { check_with([](SessionRule& each) { each.forces = true; }); };
        const auto close = [&] { check_with([](SessionRule& each) { each.closes_sockets = true; }); };
        const auto cool = [&] { check_with([](SessionRule& each) { each.cooldown = 1; }); };
        if (action == RuleAction::drain)
            force();
        else
            EXPECT_EQ(refusal(force), "22023 force needs the action 'drain'");
        if (action == RuleAction::escalate)
            close();
        else
            EXPECT_EQ(refusal(close), "22023 close_socket needs the action 'escalate'");
        if (action == RuleAction::terminate)
            cool();
        else
            EXPECT_EQ(refusal(cool), "22023 cooldown needs the action 'terminate'");
    }
}

TEST(SessionRule, ItsTextsAreOfBoundedLength) {
    constexpr std::size_t most = 65536;
    core::check_rule_texts({most, 0, most, 0});
    core::check_rule_texts({0, most, 0, most});
    core::check_rule_texts({most - 5, 5, 5, most - 5});
    const std::string conditions =
        "54000 condition and only_when of a session rule must not be longer than 65536 bytes together";
    EXPECT_EQ(refusal([] { core::check_rule_texts({most + 1, 0, 0, 0}); }), conditions);
    EXPECT_EQ(refusal([] { core::check_rule_texts({most - 5, 6, 0, 0}); }), conditions);
    const std::string others =
        "54000 reason and per of a session rule must not be longer than 65536 bytes together";
    EXPECT_EQ(refusal([] { core::check_rule_texts({0, 0, most + 1, 0}); }), others);
    EXPECT_EQ(refusal([] { core::check_rule_texts({0, 0, 6, most - 5}); }), others);
}

TEST(SessionRule, ItsVictimsReadItsNameAndReason) {
    EXPECT_EQ(str(core::rule_detail("reports", "too long")), "Rule \"reports\": too long");
    EXPECT_EQ(str(core::rule_detail("a\"b", "")), "Rule \"a\"\"b\".");
}

TEST(SessionRule, WordsForAMomentAreFoundHoweverTheyAreWritten) {
    for (const char* text :
         {"xact_start < 'today'", "x > 'NOW'", "x > ' now '", "x > $$Yesterday$$", "'tomorrow 10:00'",
          "'today10:00'::timestamp", "now", "now() > 'now'", "'{now}'::timestamptz[]"})
        EXPECT_TRUE(core::may_name_moment(text)) << text;
    for (const char* text : {"", "now() > x", "NOW () > x", "pg_catalog.now\n() > x", "usename = 'unknown'",
                             "known > x", "nowhere", "todays", "is_today", "application_name = 'renowned'"})
        EXPECT_FALSE(core::may_name_moment(text)) << text;
}

} // namespace sessionctl::test
