// The superusers who may log in: at least one has to be left, or no role could undo the lockdown.
//
// A session that takes one away first looks for another one. The lock keeps two sessions from relying on each
// other's: that of a role with OID 0, which no command of core and no user takes.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Until the transaction ends no other session takes a superuser away by lockdown_role. Call it only where
/// the caller has the right, so that no other role can hold the lock. Errors: 55P03.
void lock_superusers();

/// To be called after the change, with the lock held. Errors: 55000 if no superuser is left who may log in;
/// 55P03 if the only ones left are being changed by another transaction.
void require_superuser_left(const char* role_taken_away);

} // namespace sessionctl::pg
