// What a sweeper is told that follows commands which took CONNECT on databases: whose sessions it ends, and
// by whose rights.
#pragma once

#include "pg/keep_out/sweep_note.hpp"

namespace sessionctl::pg {

/// A role's logins to a database.
struct LoginPair {
    Oid role;
    Oid database;

    friend bool operator==(const LoginPair& left, const LoginPair& right) noexcept {
        return left.role == right.role && left.database == right.database;
    }
};

struct ConnectOrder {
    static constexpr int most_commanders = 8;
    static constexpr int most_pairs = 1000;
    static constexpr int most_logins = 100;

    TransactionId after; // which has to commit first
    SweepNote by;        // of no role
    Oid commanders[most_commanders];
    int commander_count;
    Oid caller;                 // of the commands, or of a SECURITY DEFINER function that runs them
    LoginPair lost[most_pairs]; // of those who were connected at that moment
    int lost_count;
    TimestampTz at;
    int logins[most_logins]; // who had no role or no database yet then
    int login_count;
};

/// The last ones; under the audit's lock.
struct ConnectOrders {
    static constexpr std::uint32_t size = 16;

    std::uint32_t count; // ever
    ConnectOrder orders[size];
};

} // namespace sessionctl::pg
