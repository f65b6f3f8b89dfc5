// A sweep after commands that took CONNECT: directly from a role, from PUBLIC, or through a membership and
// the like.
//
// CONNECT has many sources, so the effect of a command is not computed. Instead the processes without CONNECT
// are noted before it and after it. A login between the first such command and the commit was let in by core;
// if it has no CONNECT afterwards, it counts as having lost it. What other transactions take meanwhile is not
// for this sweep: it would end their own sessions.
#pragma once

#include "pg/logins/connect_sweep_request.hpp"
#include "pg/logins/pending_logins.hpp"

namespace sessionctl::pg {

/// To be called before and after such a command. At commit a sweep begins, which spares this session and
/// those that the roles that ran the commands may not signal.
void before_connect_is_taken();
void after_connect_is_taken();

/// Has the process lost CONNECT by that transaction, and may all roles that ran the commands end it? For a
/// later login it is unknown which command it was: so the caller of a SECURITY DEFINER function needs the
/// right, too.
bool has_lost_connect(const ConnectSweepRequest& request, const PendingLogin& process);
bool may_be_ended(const ConnectSweepRequest& request, const PendingLogin& process);

/// The request for the sweeper; to be called once. Errors: 55000 if too many other requests followed.
const ConnectSweepRequest& connect_sweep_request(TransactionId after);

} // namespace sessionctl::pg
