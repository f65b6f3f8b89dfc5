// Prepared transactions in the way of a lock that could not be had.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

namespace sessionctl::pg {

/// Sentences for the end of a HINT, with a space before them: what ends those that hold a lock on this shared
/// object which keeps one of that mode away. Empty where there are none, or the caller may not see them.
core::string hint_for_prepared_on(Oid catalog, Oid object, LOCKMODE mode);
/// The same of those that have changed roles or databases, or their settings: one of them may be it.
core::string hint_for_prepared_changes();

} // namespace sessionctl::pg
