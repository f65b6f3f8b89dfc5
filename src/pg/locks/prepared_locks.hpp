// The locks of prepared transactions in the lock table.
#pragma once

#include "pg/locks/lock_table.hpp"
#include "pg/locks/prepared_transactions.hpp"

namespace sessionctl::pg {

/// Is any lock held by a prepared transaction?
bool has_prepared(const LockTable& table) noexcept;
/// The prepared transactions that hold a lock of at least this mode on one of these relations of this
/// database, or shared relations.
core::vector<const Prepared*> prepared_on(const LockTable& table, const core::vector<Oid>& relations,
                                          LOCKMODE least, const core::vector<Prepared>& all);
/// The prepared transactions that hold a lock on this shared object which conflicts with that mode.
core::vector<const Prepared*> prepared_against(const LockTable& table, Oid catalog, Oid object, LOCKMODE mode,
                                               const core::vector<Prepared>& all);
/// The locks of a prepared transaction as texts, without that on its own XID; sorted.
core::vector<const char*> held_by(const LockTable& table, const Prepared& prepared);

} // namespace sessionctl::pg
