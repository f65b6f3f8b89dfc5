// SQL of our own, beside the caller's: names are looked up in pg_catalog alone, and no lock is waited for
// longer than a second.
#pragma once

#include "core/memory.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

enum class As : bool { caller, superuser };

/// Runs one statement. With the caller's rights PostgreSQL checks them as for his own statement; as superuser
/// only where the caller's rights have been checked. Errors: the statement's own; 55P03 in the place of what
/// two sessions that change the same row at once get otherwise.
void run_sql(const char* statement, As as = As::caller);

/// Locks a shared object until the transaction ends. Errors: 55P03, the same unless `conflict` words it.
void lock_object(Oid catalog, Oid object, int mode, const char* conflict = nullptr);

/// The first column of its only row as text, in the memory that is current; null for NULL or no row.
const char* query_sql(const char* statement);
/// The first column of all its rows, of those that are not NULL.
core::vector<const char*> query_column(const char* statement);

/// Until its end no lock is waited for longer than that, names are looked up in pg_catalog alone, and no plan
/// starts processes or compiles, whatever the owner of the caller's database has set: a lock may be held.
class LockPatience {
  public:
    explicit LockPatience(int milliseconds);
    void end();

  private:
    int level_;
};

} // namespace sessionctl::pg
