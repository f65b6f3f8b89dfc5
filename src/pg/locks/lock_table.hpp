// The server's whole lock table, as pg_locks shows it.
#pragma once

#include "compat/locks.hpp"
#include "core/memory.hpp"

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

    const LockInstanceData* begin() const noexcept { return data_->locks; }
    const LockInstanceData* end() const noexcept { return data_->locks + data_->nelements; }

  private:
    const LockData* data_;
};

/// A lock, or the wait for one, of at least this mode on one of these relations, which are of this database
/// or shared.
bool is_on(const LockInstanceData& lock, const core::vector<Oid>& relations, LOCKMODE least) noexcept;

} // namespace sessionctl::pg
