// What can be locked down: a database or a role.
#pragma once

#include "pg/sql.hpp"

namespace sessionctl::pg {

enum class Lockable : std::uint8_t { database, role };

/// As messages call it, and as SQL does.
const char* noun(Lockable kind) noexcept;
const char* keyword(Lockable kind) noexcept;

/// Until the transaction ends nobody else locks it down, unlocks or drops it: what is read about it from here
/// on belongs together. Errors: 55P03.
void hold(Lockable kind, Oid oid);

/// ALTER DATABASE or ALTER ROLE of this name. Errors: as run_sql().
void alter(Lockable kind, const char* name, const char* what, As as = As::caller);
void alter_limit(Lockable kind, const char* name, std::int32_t limit);

} // namespace sessionctl::pg
