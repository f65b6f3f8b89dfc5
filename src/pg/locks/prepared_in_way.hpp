// Prepared transactions that block a lock that could not be acquired.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

namespace sessionctl::pg {

/// Sentences for the end of a HINT, with a space before them: how to end those that hold a conflicting lock
/// on this shared object. Empty if there are none, or the caller may not see them.
core::string hint_for_prepared_on(Oid catalog, Oid object, LOCKMODE mode);
/// The same for those that have changed roles, databases or their settings: one of them may be the blocker.
core::string hint_for_prepared_changes();

} // namespace sessionctl::pg
