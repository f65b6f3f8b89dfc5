// A sweep: when a transaction has committed that shut roles out, a background worker ends the logins of those
// roles that were under way. Nothing locks a role as a login locks its database, so it can't be done before,
// and after the commit there is nobody left to do it in the session that committed.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "pg/keep_out/sweep_note.hpp"

#include <optional>

namespace sessionctl::pg {

constexpr char sweeper_name[] = "pg_sessionctl sweeper";
constexpr char sweeper_function[] = "sessionctl_sweeper_main";

enum class Need : bool {
    vital,     // without a worker the transaction fails
    preferred, // without one, or where it is prepared, a WARNING says so
};

/// When this transaction commits, and the role may not log in any more then (or is dropped), a sweep of it
/// begins, which spares this session. Errors: 54000 for too many roles; at the commit 53400 where the server
/// has no room for another worker.
void sweep_after_commit(Oid role, Need need);

/// Will it be, as things are now?
bool is_swept_after_commit(Oid role);

/// False for one that was dropped.
bool may_log_in(Oid role);

/// Starts one for this transaction, which has an id. False where the server has no room for another worker.
bool start_sweeper(Oid first, const Oid* more, int more_count);

/// What a sweeper is told.
struct SweepOrder {
    TransactionId after;     // which has to commit first
    core::vector<Oid> roles; // none: who lost CONNECT, as its ConnectOrder says
};
SweepOrder sweep_order(Datum argument);
/// By this session; of no role.
SweepNote note_by_caller();
/// Empty where the library is not preloaded, or many others were shut out since.
std::optional<SweepNote> sweep_note(TransactionId after, Oid role);

} // namespace sessionctl::pg
