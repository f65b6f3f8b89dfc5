// A sweep: after the commit of a transaction that shut roles out, a background worker ends their pending
// logins. A login takes no lock on its role as it does on its database, so this can't be done before the
// commit, and after it the committing session can't do it.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "pg/logins/sweep_note.hpp"

#include <optional>

namespace sessionctl::pg {

constexpr char sweeper_name[] = "pg_sessionctl sweeper";
constexpr char sweeper_function[] = "sessionctl_sweeper_main";

enum class Need : bool {
    required,  // without a worker the transaction fails
    preferred, // without a worker, or if it is prepared, there is a WARNING
};

/// If the role may not log in any more (or is dropped) when this transaction commits, a sweep of it begins,
/// which spares this session. Errors: 54000 for too many roles; at commit 53400 if no worker can be started.
void sweep_after_commit(Oid role, Need need);

/// As things are now.
bool is_swept_after_commit(Oid role);

/// False for a dropped role.
bool may_log_in(Oid role);

/// Starts a sweeper for this transaction, which has an id. False if the server has no free worker slot.
bool start_sweeper(Oid first, const Oid* more, int more_count);

/// The sweeper's argument.
struct SweepRequest {
    TransactionId after;     // this transaction has to commit first
    core::vector<Oid> roles; // none: those that lost CONNECT, as the ConnectSweepRequest says
};
SweepRequest sweep_request(Datum argument);
/// About this session, without a role.
SweepNote note_by_caller();
/// Empty if the library is not preloaded, or if too many roles were shut out since.
std::optional<SweepNote> sweep_note(TransactionId after, Oid role);

} // namespace sessionctl::pg
