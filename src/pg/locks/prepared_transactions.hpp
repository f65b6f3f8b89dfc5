// Prepared transactions: they hold locks, and no signal can end them.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/wait_graph.hpp"
#include "core/memory.hpp"

namespace sessionctl::pg {

struct Prepared {
    TransactionId xid;
    const char* gid;
    const char* written;  // as a literal
    const char* rollback; // the statement that ends it, in its own database; null: it can't be written here
    TimestampTz prepared_at;
    const char* owner;    // null: dropped meanwhile
    const char* database; // null: dropped meanwhile
    int encoding;         // of that database
};

/// All of the server, the oldest first. Errors: PgError.
core::vector<Prepared> prepared_transactions();
/// The same, but none where none has to do with a wait.
core::vector<Prepared> prepared_in(const core::WaitGraph& graph);

/// Null where there is none (any more).
const Prepared* find_prepared(const core::vector<Prepared>& all, TransactionId xid) noexcept;

/// "prepared transaction 'gid'", for one that is gone by its number.
core::string name_of(const core::vector<Prepared>& all, TransactionId xid);

/// A NOTICE, with this message, that these can't be ended by a signal, and what ends each. Nothing where
/// there are none.
void tell_prepared(const core::vector<const Prepared*>& found, const core::string& message);

} // namespace sessionctl::pg
