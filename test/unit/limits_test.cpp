#include "core/reaper/limits.hpp"
#include "support.hpp"

#include <initializer_list>
#include <limits>
#include <utility>

namespace sessionctl::test {

using core::Limit;
using core::Limits;
using core::Rule;

TEST(Limit, IsCalledAsItsParameter) {
    expect_names(core::limit_name, {"idle_in_transaction_timeout", "idle_in_transaction_blocking_timeout",
                                    "idle_in_transaction_horizon_age", "idle_in_transaction_horizon_idle",
                                    "idle_session_timeout", "transaction_timeout", "client_silence_timeout",
                                    "client_gone_timeout", "statement_timeout", "session_lifetime_timeout"});
}

TEST(Rule, IsCalledAsTheParameterOfItsLimit) {
    for (const auto& [rule, limit] : std::initializer_list<std::pair<Rule, Limit>>{
             {Rule::idle_in_transaction, Limit::idle_in_transaction},
             {Rule::blocking, Limit::blocking},
             {Rule::horizon, Limit::horizon_age},
             {Rule::idle_session, Limit::idle_session},
             {Rule::transaction, Limit::transaction},
             {Rule::client_silence, Limit::client_silence},
             {Rule::client_gone, Limit::client_gone},
             {Rule::statement, Limit::statement},
             {Rule::lifetime, Limit::lifetime}})
        EXPECT_STREQ(core::rule_name(rule), core::limit_name(limit));
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
