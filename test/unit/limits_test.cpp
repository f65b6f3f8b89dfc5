#include "core/reaper/limits.hpp"
#include "support.hpp"

#include <limits>

namespace sessionctl::test {

using core::Limit;
using core::Limits;
using core::Rule;

TEST(Limit, IsCalledAsItsParameter) {
    EXPECT_STREQ(core::limit_name(Limit::idle_in_transaction), "idle_in_transaction_timeout");
    EXPECT_STREQ(core::limit_name(Limit::blocking), "idle_in_transaction_blocking_timeout");
    EXPECT_STREQ(core::limit_name(Limit::horizon_age), "idle_in_transaction_horizon_age");
    EXPECT_STREQ(core::limit_name(Limit::horizon_idle), "idle_in_transaction_horizon_idle");
    EXPECT_STREQ(core::limit_name(Limit::idle_session), "idle_session_timeout");
    EXPECT_STREQ(core::limit_name(Limit::transaction), "transaction_timeout");
    EXPECT_STREQ(core::limit_name(Limit::client_silence), "client_silence_timeout");
    EXPECT_STREQ(core::limit_name(Limit::client_gone), "client_gone_timeout");
    EXPECT_STREQ(core::limit_name(Limit::statement), "statement_timeout");
    EXPECT_STREQ(core::limit_name(Limit::lifetime), "session_lifetime_timeout");
}

TEST(Rule, IsCalledAsTheParameterOfItsLimit) {
    EXPECT_STREQ(core::rule_name(Rule::idle_in_transaction), "idle_in_transaction_timeout");
    EXPECT_STREQ(core::rule_name(Rule::blocking), "idle_in_transaction_blocking_timeout");
    EXPECT_STREQ(core::rule_name(Rule::horizon), "idle_in_transaction_horizon_age");
    EXPECT_STREQ(core::rule_name(Rule::idle_session), "idle_session_timeout");
    EXPECT_STREQ(core::rule_name(Rule::transaction), "transaction_timeout");
    EXPECT_STREQ(core::rule_name(Rule::client_silence), "client_silence_timeout");
    EXPECT_STREQ(core::rule_name(Rule::client_gone), "client_gone_timeout");
    EXPECT_STREQ(core::rule_name(Rule::statement), "statement_timeout");
    EXPECT_STREQ(core::rule_name(Rule::lifetime), "session_lifetime_timeout");
}

TEST(Limits, AreOffUnlessSet) {
    const Limits limits;
    for (int i = 0; i < core::limit_count; ++i)
        EXPECT_EQ(limits[static_cast<Limit>(i)], 0) << core::limit_name(static_cast<Limit>(i));
}

TEST(Limits, AreSetOneByOne) {
    for (int set = 0; set < core::limit_count; ++set) {
        Limits limits;
        limits[static_cast<Limit>(set)] = 7;
        for (int i = 0; i < core::limit_count; ++i)
            EXPECT_EQ(limits[static_cast<Limit>(i)], i == set ? 7 : 0) << i << " where " << set << " is set";
    }
}

TEST(Limits, SwitchedOffKeepWhatIsNoRule) {
    Limits limits;
    for (int i = 0; i < core::limit_count; ++i)
        limits[static_cast<Limit>(i)] = 7;
    limits.switch_off();
    for (int i = 0; i < core::limit_count; ++i) {
        const auto limit = static_cast<Limit>(i);
        EXPECT_EQ(limits[limit], limit == Limit::horizon_idle ? 7 : 0) << core::limit_name(limit);
    }
}

TEST(Limits, AreLengthsOfTimeWithoutOverflow) {
    Limits limits;
    limits[Limit::transaction] = 1500;
    EXPECT_EQ(limits.time(Limit::transaction), milliseconds(1500));
    limits[Limit::transaction] = std::numeric_limits<std::int32_t>::max();
    EXPECT_EQ(limits.time(Limit::transaction), milliseconds(2147483647));
}

} // namespace sessionctl::test
