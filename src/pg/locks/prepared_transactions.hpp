// Prepared transactions: they hold locks, and no signal can end them.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/wait_graph.hpp"
#include "core/memory.hpp"

namespace sessionctl::pg {

struct Prepared {
    TransactionId xid;
    const char* gid;
    const char* written;  // as an SQL literal
    const char* rollback; // the statement that ends it, in its own database; null: not representable here
    TimestampTz prepared_at;
    const char* owner;    // null: dropped since
    const char* database; // null: dropped since
    int encoding;         // of that database
};

/// All of the server, the oldest first. Errors: PgError.
core::vector<Prepared> prepared_transactions();
/// The same, but empty if no prepared transaction is part of a wait.
core::vector<Prepared> prepared_in(const core::WaitGraph& graph);

/// Null if there is none (any more).
const Prepared* find_prepared(const core::vector<Prepared>& all, TransactionId xid) noexcept;

/// "prepared transaction 'gid'"; by its XID if it has ended.
core::string name_of(const core::vector<Prepared>& all, TransactionId xid);

/// A NOTICE with this message that no signal ends these, and which command ends each. Nothing if there are
/// none.
void report_prepared(const core::vector<const Prepared*>& found, const core::string& message);

} // namespace sessionctl::pg
