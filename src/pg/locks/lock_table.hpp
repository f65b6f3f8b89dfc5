// All of the server's lock table, as pg_locks shows it.
#pragma once

#include "compat/locks.hpp"
#include "core/memory.hpp"
#include "pg/locks/prepared_transactions.hpp"

namespace sessionctl::pg {

/// One copy of it: locks on the fast path, each backend's own, are among them.
class LockTable {
  public:
    LockTable();

    /// Processes that hold or want a lock of at least this mode on one of these relations of this database,
    /// or shared ones; sorted, each once.
    core::vector<int> interested_in(const core::vector<Oid>& relations, LOCKMODE least) const;
    /// Processes that hold any lock on a table that this one has locked as VACUUM does, or more; sorted, each
    /// once, without it.
    core::vector<int> sharing_a_table_with(int pid) const;
    /// Is any of all the locks a prepared transaction's?
    bool has_prepared() const noexcept;
    /// The prepared ones that hold one.
    core::vector<const Prepared*> prepared_on(const core::vector<Oid>& relations, LOCKMODE least,
                                              const core::vector<Prepared>& all) const;
    /// Those that hold one on this shared object which keeps one of that mode away.
    core::vector<const Prepared*> prepared_against(Oid catalog, Oid object, LOCKMODE mode,
                                                   const core::vector<Prepared>& all) const;
    /// What a prepared transaction holds, in words, but for its own numbers; sorted.
    core::vector<const char*> held_by(const Prepared& prepared) const;

  private:
    template <typename Condition>
    core::vector<const Prepared*> prepared_with(const core::vector<Prepared>& all,
                                                Condition&& condition) const;
    const LockInstanceData* begin() const noexcept { return data_->locks; }
    const LockInstanceData* end() const noexcept { return data_->locks + data_->nelements; }
    /// Which lock is that transaction's own number, by which all its others are known. Null: it has ended.
    const LockInstanceData* own_number(const Prepared& prepared) const noexcept;

    const LockData* data_;
};

/// This relation, what inherits from it (partitions included) at any depth, and the indexes, TOAST tables and
/// their indexes of all of them, without a lock on any; sorted. Errors: PgError.
core::vector<Oid> family_of(Oid relation);

} // namespace sessionctl::pg
