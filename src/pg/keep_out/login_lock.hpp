// The lock that every login takes on its database: while it is held, no client can log in to it.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// How long to wait for the lock, and for the ends of sessions while it is held: every login to that database
/// hangs meanwhile, a superuser's too. The rest of longest_hold is for the commit.
constexpr int longest_login_lock_wait = 1000; // ms
constexpr int longest_login_lock_hold = 1500; // ms

/// Pending logins that have the lock could keep it for as long as their clients like.
enum class EndLogins { none, clients, superusers_too };

/// Takes the lock until the transaction ends, for longest_hold (pg/locks/lock_deadline.hpp) at most; ends the
/// logins that hold it. Errors: 55P03 after the longest wait, or if the name is another database's by then;
/// 25001 if this transaction has locked one before.
void lock_logins(Oid database, const char* name, EndLogins which);

/// Until the transaction ends no lockdown closes the database that this session is connected to: so
/// superusers that are shut out of another database can log in here. Errors: 55P03; 55000 if it is closed
/// already.
void keep_own_database_open();

/// From now on this transaction can't be prepared: `what` holds something that must end soon.
void forbid_prepare(const char* what);

/// Errors: 25001 in a transaction block or a subtransaction.
void require_own_transaction(const char* what);
/// Errors: 42501, as core words it.
void require_owner(Oid database, const char* name);
/// Errors: 25006 on a standby.
void require_primary(const char* what);

} // namespace sessionctl::pg
