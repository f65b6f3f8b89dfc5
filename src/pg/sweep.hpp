// A sweep: when a transaction has committed that shut a role out, a background worker ends the logins of that
// role that were under way. Nothing locks a role as a login locks its database, so it can't be done before,
// and after the commit there is nobody left to do it in the session that committed.
#pragma once

#include "pg/postgres.hpp"

namespace sessionctl::pg {

constexpr char sweeper_name[] = "pg_sessionctl sweeper";
constexpr char sweeper_function[] = "sessionctl_sweeper_main";

struct SweepOrder {
    TransactionId after; // which has to commit first
    Oid role;            // may no longer log in, or is dropped
};

SweepOrder sweep_order(Datum argument) noexcept;

/// Starts a worker for what this transaction does to the role; it spares this session. False where the server
/// has no room for another worker.
bool order_sweep(Oid role);

} // namespace sessionctl::pg
