// The lock that every login takes on its database: held, nobody gets in.
#pragma once

#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// How long it may be waited for, and held: meanwhile every login to that database hangs, a superuser's too.
constexpr int longest_door_wait = 1000; // ms
constexpr int longest_door_hold = 2000; // ms

/// Logins that are past it but no sessions yet would keep it for as long as they like.
enum class TurnAway { nobody, clients, superusers_too };

/// Takes it until the transaction ends; who keeps it waiting by a login is turned away. Should the
/// transaction not end soon after the longest hold, its statement is cancelled; if that is caught, or the
/// transaction stays open, the session is ended. Errors: 55P03 after the longest wait, or where the name is
/// another database's by then; 25001 where this transaction has locked one before.
void lock_door(Oid database, const char* name, TurnAway whom);

/// From now on this transaction can't be prepared: `what` has done something that must end soon.
void forbid_prepare(const char* what);

/// Errors: 25001 in a transaction block or a subtransaction.
void require_own_transaction(const char* what);
/// Errors: 42501, as core words it.
void require_owner(Oid database, const char* name);
/// Errors: 25006 on a standby.
void require_primary(const char* what);

} // namespace sessionctl::pg
