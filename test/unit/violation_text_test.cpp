#include "core/reaper/violation_text.hpp"
#include "support.hpp"

#include <cctype>

namespace sessionctl::test {

using core::LimitViolation;
using core::Rule;
using core::Timestamp;

namespace {

constexpr Rule rules[] = {Rule::idle_in_transaction, Rule::blocking,    Rule::horizon,
                          Rule::idle_session,        Rule::transaction, Rule::client_silence,
                          Rule::client_gone,         Rule::statement,   Rule::lifetime};

LimitViolation violation(Rule rule, std::int32_t limit, Timestamp lasted) {
    LimitViolation violation = {};
    violation.rule = rule;
    violation.session.state = core::State::idle_in_transaction;
    violation.limit = limit;
    violation.lasted = lasted;
    return violation;
}

std::string detail(const LimitViolation& violation) {
    return str(core::detail_of(violation));
}

} // namespace

TEST(Detail, TellsHowLongAndTheLimit) {
    EXPECT_EQ(detail(violation(Rule::idle_in_transaction, 600000, 12 * minute)),
              "The session was idle in transaction for 12 min "
              "(pg_sessionctl.idle_in_transaction_timeout is 10 min).");
    EXPECT_EQ(detail(violation(Rule::idle_session, 3600000, hour)),
              "The session was idle for 1 h (pg_sessionctl.idle_session_timeout is 1 h).");
    EXPECT_EQ(detail(violation(Rule::transaction, 1500, milliseconds(1600))),
              "The transaction lasted for 1.6 s (pg_sessionctl.transaction_timeout is 1500 ms).");
    EXPECT_EQ(detail(violation(Rule::client_silence, 300, milliseconds(312))),
              "The session waited for its client, in the middle of a statement, for 312 ms "
              "(pg_sessionctl.client_silence_timeout is 300 ms).");
    EXPECT_EQ(
        detail(violation(Rule::client_gone, 60000, minute)),
        "The session continued without its client for 1 min (pg_sessionctl.client_gone_timeout is 1 min).");
    EXPECT_EQ(detail(violation(Rule::lifetime, 3600000, hour)),
              "The session lasted for 1 h (pg_sessionctl.session_lifetime_timeout is 1 h).");
}

TEST(Detail, TellsWhetherAStatementWasCancelledBefore) {
    LimitViolation statement = violation(Rule::statement, 5000, seconds(6));
    statement.is_cancel = true;
    EXPECT_EQ(detail(statement), "The statement ran for 6 s (pg_sessionctl.statement_timeout is 5 s).");
    EXPECT_NE(std::string_view(core::hint_of(statement)).find("faster"), std::string_view::npos);
    statement.is_cancel = false;
    statement.lasted = seconds(12);
    EXPECT_EQ(detail(statement), "The statement continued after it was cancelled, in all for 12 s "
                                 "(pg_sessionctl.statement_timeout is 5 s).");
}

TEST(Detail, TellsHowManyWaited) {
    LimitViolation blocking = violation(Rule::blocking, 5000, seconds(6));
    blocking.waiting_behind = 41;
    EXPECT_EQ(detail(blocking), "The session was idle in transaction for 6 s while 41 sessions waited for it "
                                "(pg_sessionctl.idle_in_transaction_blocking_timeout is 5 s).");
    blocking.waiting_behind = 1;
    EXPECT_EQ(detail(blocking), "The session was idle in transaction for 6 s while 1 session waited for it "
                                "(pg_sessionctl.idle_in_transaction_blocking_timeout is 5 s).");
}

TEST(Detail, TellsHowManyTransactionsAreHeldBack) {
    LimitViolation horizon = violation(Rule::horizon, 1000000, 2 * minute);
    horizon.held_back = 3000000000;
    EXPECT_EQ(detail(horizon),
              "The session was idle in transaction for 2 min and held back the vacuum horizon by "
              "3000000000 transactions "
              "(pg_sessionctl.idle_in_transaction_horizon_age is 1000000 transactions).");
    horizon.held_back = 2;
    horizon.limit = 1;
    EXPECT_EQ(detail(horizon),
              "The session was idle in transaction for 2 min and held back the vacuum horizon by "
              "2 transactions (pg_sessionctl.idle_in_transaction_horizon_age is 1 transaction).");
}

TEST(Detail, SaysThatNotificationsAreNotRead) {
    LimitViolation silence = violation(Rule::client_silence, 5000, seconds(6));
    silence.session.state = core::State::idle;
    EXPECT_EQ(detail(silence), "The session waited for its client to read notifications for 6 s "
                               "(pg_sessionctl.client_silence_timeout is 5 s).");
    LimitViolation horizon = violation(Rule::horizon, 10, seconds(6));
    horizon.session.state = core::State::idle;
    horizon.held_back = 12;
    EXPECT_EQ(detail(horizon), "The session waited for its client to read notifications for 6 s and held "
                               "back the vacuum horizon by 12 transactions "
                               "(pg_sessionctl.idle_in_transaction_horizon_age is 10 transactions).");
    EXPECT_NE(std::string_view(core::hint_of(horizon)).find("LISTEN"), std::string_view::npos);
}

TEST(Hint, IsASentenceForEveryRule) {
    for (const Rule rule : rules) {
        const std::string_view hint = core::hint_of(violation(rule, 1, 1));
        ASSERT_FALSE(hint.empty()) << core::rule_name(rule);
        EXPECT_TRUE(std::isupper(hint.front())) << hint;
        EXPECT_EQ(hint.back(), '.') << hint;
    }
}

TEST(Hint, SaysWhatHelpsAgainstItsRule) {
    const auto says = [](Rule rule, std::string_view what) {
        return std::string_view(core::hint_of(violation(rule, 1, 1))).find(what) != std::string_view::npos;
    };
    for (const Rule rule : {Rule::idle_in_transaction, Rule::blocking, Rule::horizon})
        EXPECT_TRUE(says(rule, "Commit or roll back")) << core::rule_name(rule);
    EXPECT_TRUE(says(Rule::idle_session, "close connections"));
    EXPECT_TRUE(says(Rule::transaction, "shorter transactions"));
    EXPECT_TRUE(says(Rule::client_silence, "without long pauses"));
    EXPECT_TRUE(says(Rule::client_gone, "Stay connected"));
    EXPECT_TRUE(says(Rule::lifetime, "was not run"));
    // A session in no transaction lost nothing.
    for (const Rule rule : rules)
        EXPECT_EQ(says(rule, "repeat what was not committed"),
                  rule != Rule::idle_session && rule != Rule::lifetime)
            << core::rule_name(rule);
}

} // namespace sessionctl::test
