// The superusers who may log in: one at least has to be left, or nobody could undo what shut them out.
//
// Whoever takes one away looks for another one first. So that two do not find each other, they come one at a
// time: the lock is that of a role without an OID, which no command of core's and no user takes.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Until the transaction ends nobody else takes a superuser away by lockdown_role. To be called only where
/// the caller may, so that nobody else can hold it. Errors: 55P03.
void hold_superusers();

/// To be asked after the change, with the lock held. Errors: 55000 where no superuser is left who may log in;
/// 55P03 where the only ones left are being changed by another transaction.
void require_superuser_left(const char* role_taken_away);

} // namespace sessionctl::pg
