// The server's whole lock table, as pg_locks shows it.
#pragma once

#include "compat/locks.hpp"
#include "core/memory.hpp"
#include "pg/locks/prepared_transactions.hpp"

namespace sessionctl::pg {

/// One copy of it, including fast-path locks.
class LockTable {
  public:
    LockTable();

    /// Processes that hold or wait for a lock of at least this mode on one of these relations of this
    /// database, or shared relations; sorted, unique.
    core::vector<int> interested_in(const core::vector<Oid>& relations, LOCKMODE least) const;
    /// Processes that hold any lock on a table that this one has locked as VACUUM does, or more strongly;
    /// sorted, unique, without this one.
    core::vector<int> sharing_a_table_with(int pid) const;
    /// Is any lock held by a prepared transaction?
    bool has_prepared() const noexcept;
    /// The prepared transactions that hold such a lock.
    core::vector<const Prepared*> prepared_on(const core::vector<Oid>& relations, LOCKMODE least,
                                              const core::vector<Prepared>& all) const;
    /// The prepared transactions that hold a lock on this shared object which conflicts with that mode.
    core::vector<const Prepared*> prepared_against(Oid catalog, Oid object, LOCKMODE mode,
                                                   const core::vector<Prepared>& all) const;
    /// The locks of a prepared transaction as texts, without that on its own XID; sorted.
    core::vector<const char*> held_by(const Prepared& prepared) const;

  private:
    template <typename Condition>
    core::vector<const Prepared*> prepared_with(const core::vector<Prepared>& all,
                                                Condition&& condition) const;
    const LockInstanceData* begin() const noexcept { return data_->locks; }
    const LockInstanceData* end() const noexcept { return data_->locks + data_->nelements; }
    /// The lock on the transaction's own XID, which identifies its other locks. Null: it has ended.
    const LockInstanceData* own_number(const Prepared& prepared) const noexcept;

    const LockData* data_;
};

/// This relation, its inheritance children (and partitions) at any depth, their indexes, TOAST tables and
/// those tables' indexes, sorted. Takes no lock on them. Errors: PgError.
core::vector<Oid> family_of(Oid relation);

} // namespace sessionctl::pg
