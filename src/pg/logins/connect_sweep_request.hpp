// Tells a sweeper about commands that took CONNECT on databases: which sessions it ends, and with which
// roles' rights.
#pragma once

#include "pg/logins/sweep_note.hpp"

namespace sessionctl::pg {

/// The logins of a role to a database.
struct LoginPair {
    Oid role;
    Oid database;

    friend bool operator==(const LoginPair& left, const LoginPair& right) noexcept {
        return left.role == right.role && left.database == right.database;
    }
};

struct ConnectSweepRequest {
    static constexpr int most_command_roles = 8;
    static constexpr int most_pairs = 1000;
    static constexpr int most_logins = 100;

    TransactionId after; // this transaction has to commit first
    SweepNote by;        // names no role
    Oid command_roles[most_command_roles];
    int command_role_count;
    Oid caller;                 // who called the commands, or the SECURITY DEFINER function that runs them
    LoginPair lost[most_pairs]; // of the processes that were connected then
    int lost_count;
    TimestampTz at;
    int logins[most_logins]; // processes that had no role or database yet
    int login_count;
};

/// The latest requests; protected by the audit's lock.
struct ConnectSweepRequests {
    static constexpr std::uint32_t size = 16;

    std::uint32_t count; // total count
    ConnectSweepRequest requests[size];
};

} // namespace sessionctl::pg
