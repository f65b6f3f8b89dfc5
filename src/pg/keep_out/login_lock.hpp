// The lock that every login takes on its database: held, nobody gets in.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// How long it may be waited for, and once held, for the ends of sessions: meanwhile every login to that
/// database hangs, a superuser's too. What is left of longest_hold is for the commit.
constexpr int longest_login_lock_wait = 1000; // ms
constexpr int longest_login_lock_hold = 1500; // ms

/// Logins that are past it but no sessions yet would keep it for as long as they like.
enum class EndLogins { nobody, clients, superusers_too };

/// Takes it until the transaction ends, for longest_hold (pg/locks/lock_deadline.hpp) at most; who keeps it
/// waiting by a login is turned away. Errors: 55P03 after the longest wait, or where the name is another
/// database's by then; 25001 where this transaction has locked one before.
void lock_logins(Oid database, const char* name, EndLogins whom);

/// Until the transaction ends nobody closes the database that this session is connected to by a lockdown: who
/// shuts superusers out of another one can be let in here. Errors: 55P03; 55000 where it is closed already.
void keep_own_database_open();

/// From now on this transaction can't be prepared: `what` has done something that must end soon.
void forbid_prepare(const char* what);

/// Errors: 25001 in a transaction block or a subtransaction.
void require_own_transaction(const char* what);
/// Errors: 42501, as core words it.
void require_owner(Oid database, const char* name);
/// Errors: 25006 on a standby.
void require_primary(const char* what);

} // namespace sessionctl::pg
