// The objects that can be locked down: a database or a role.
#pragma once

#include "pg/sql.hpp"

namespace sessionctl::pg {

enum class Lockable : std::uint8_t { database, role };

/// The word in messages, and the keyword in SQL.
const char* noun(Lockable kind) noexcept;
const char* keyword(Lockable kind) noexcept;

/// Until the transaction ends no other session locks it down, unlocks or drops it: what is read about it from
/// here on is consistent. Errors: 55P03.
void lock_until_commit(Lockable kind, Oid oid);

/// ALTER DATABASE or ALTER ROLE of this name. Errors: as run_sql().
void alter(Lockable kind, const char* name, const char* what, As as = As::caller);
void alter_limit(Lockable kind, const char* name, std::int32_t limit);

} // namespace sessionctl::pg
