// A sweep after commands that took CONNECT: from a role, from all, or by what gave it.
//
// Whether a role has it comes from many places, so nobody works out what a command takes: before the first
// such command of a transaction it is noted which sessions are without CONNECT already, and before its commit
// whose have lost it. Who becomes a session between that and the commit was let in by core, and has lost it
// where it is without it afterwards. What other transactions take is not for this sweep: it would end the
// sessions that run them.
#pragma once

#include "pg/connect_order.hpp"
#include "pg/newcomers.hpp"

namespace sessionctl::pg {

/// To be called before such a command. When this transaction commits, a sweep begins that spares this session
/// and those that who ran the commands may not signal.
void sweep_connect_after_commit();

/// Has it lost CONNECT by that transaction, and may all who ran the commands end it?
bool has_lost_connect(const ConnectOrder& order, const Newcomer& process);
bool may_be_ended(const ConnectOrder& order, const Newcomer& process);

/// What was left for the sweeper, which asks once. Errors: 55000 where many others were left since.
const ConnectOrder& connect_order(TransactionId after);

} // namespace sessionctl::pg
