// A sweep after commands that took CONNECT: from a role, from all, or by what gave it.
//
// Whether a role has it comes from many places, so nobody works out what a command takes: it is noted which
// sessions are without CONNECT before it, and which besides when it has run. Who becomes a session between
// the first such command and the commit was let in by core, and has lost it where it is without it
// afterwards. What other transactions take meanwhile is not for this sweep: it would end who runs them.
#pragma once

#include "pg/keep_out/connect_order.hpp"
#include "pg/keep_out/pending_logins.hpp"

namespace sessionctl::pg {

/// Around such a command. When this transaction commits, a sweep begins that spares this session and those
/// that who ran the commands may not signal.
void before_connect_is_taken();
void after_connect_is_taken();

/// Has it lost CONNECT by that transaction, and may all who ran the commands end it? Of who came later
/// nobody knows whose counted it was: there the caller of a SECURITY DEFINER function must have that right,
/// too.
bool has_lost_connect(const ConnectOrder& order, const PendingLogin& process);
bool may_be_ended(const ConnectOrder& order, const PendingLogin& process);

/// What was left for the sweeper, which asks once. Errors: 55000 where many others were left since.
const ConnectOrder& connect_order(TransactionId after);

} // namespace sessionctl::pg
