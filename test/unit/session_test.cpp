#include "core/sessions/session.hpp"
#include "support.hpp"

namespace sessionctl::test {

using core::Identity;
using core::Kind;
using core::SessionId;
using core::State;

TEST(Identity, IsPidAndStart) {
    const Identity identity = {42, 1000};
    EXPECT_EQ(identity, (Identity{42, 1000}));
    EXPECT_NE(identity, (Identity{42, 1001}));
    EXPECT_NE(identity, (Identity{43, 1000}));
}

// What core's %c prints: the start in Unix seconds and the pid, both in hexadecimal.
TEST(SessionId, IsWhatTheServerLogPrints) {
    EXPECT_STREQ(SessionId({0x1267, 0}).text, "386d4380.1267");
    EXPECT_STREQ(SessionId({4194304, seconds(700000000)}).text, "62266a80.400000");
    EXPECT_STREQ(SessionId({1, seconds(9) + 999999}).text, "386d4389.1");
}

TEST(SessionId, IsReadBack) {
    for (const Identity identity :
         {Identity{0x1267, 0}, Identity{4194304, seconds(700000000)}, Identity{2147483647, seconds(1)},
          Identity{1, -seconds(core::unix_epoch_of_timestamp)}})
        EXPECT_EQ(core::parse_session_id(SessionId(identity).text), identity);
    EXPECT_EQ(core::parse_session_id("386D4380.0001267"), (Identity{0x1267, 0}));
}

TEST(SessionId, IsNothingElse) {
    for (const char* const text :
         {"", ".", "1267", "386d4380.", ".1267", "386d4380.1267 ", " 386d4380.1267", "386d4380. 1267",
          "386d4380.1267.1", "386d4380.-1267", "-1.1267", "+1.1267", "0x1.1267", "386d4380.0",
          "386d4380.80000000", "80000000000.1", "ffffffffffffffff1.1", "386d4380.12g7", "386d4380,1267"})
        EXPECT_EQ(core::parse_session_id(text), std::nullopt) << text;
}

TEST(State, IsSpeltAsInPgStatActivity) {
    expect_names(core::state_name, {nullptr, "starting", "idle", "active", "idle in transaction",
                                    "fastpath function call", "idle in transaction (aborted)", "disabled"});
}

TEST(State, KnowsWhatIsIdleInATransactionAndWhatIsActive) {
    for (const State state :
         {State::undefined, State::starting, State::idle, State::active, State::idle_in_transaction,
          State::fastpath, State::idle_in_transaction_aborted, State::disabled}) {
        EXPECT_EQ(core::is_idle_in_transaction(state),
                  state == State::idle_in_transaction || state == State::idle_in_transaction_aborted);
        EXPECT_EQ(core::is_active(state), state == State::active || state == State::fastpath);
    }
}

TEST(Kind, BackgroundProcessesWithADatabase) {
    for (const Kind kind : background_kinds) {
        EXPECT_TRUE(core::is_background(kind));
        EXPECT_FALSE(core::is_login(kind));
    }
    for (const Kind kind :
         {Kind::client, Kind::walsender, Kind::database_walsender, Kind::parallel_worker, Kind::other})
        EXPECT_FALSE(core::is_background(kind));
}

TEST(Kind, KindsThatLogInToADatabase) {
    EXPECT_TRUE(core::is_login(Kind::client));
    EXPECT_TRUE(core::is_login(Kind::database_walsender));
    EXPECT_FALSE(core::is_login(Kind::walsender));
    EXPECT_FALSE(core::is_login(Kind::parallel_worker));
    EXPECT_FALSE(core::is_login(Kind::other));
    EXPECT_TRUE(core::is_walsender(Kind::walsender));
    EXPECT_TRUE(core::is_walsender(Kind::database_walsender));
    EXPECT_FALSE(core::is_walsender(Kind::client));
}

} // namespace sessionctl::test
