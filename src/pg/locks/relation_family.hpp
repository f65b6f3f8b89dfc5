// A relation and what belongs to it.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

namespace sessionctl::pg {

/// This relation, its inheritance children (and partitions) at any depth, their indexes, TOAST tables and
/// those tables' indexes, sorted. Takes no lock on them. Errors: PgError.
core::vector<Oid> family_of(Oid relation);

} // namespace sessionctl::pg
