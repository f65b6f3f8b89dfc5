// A lock as text. Raises PostgreSQL errors: use it inside pg::call.
#pragma once

#include "compat/postgres.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace sessionctl::pg {

/// "public.orders", "tuple (0,7) of public.orders", "transaction 4711", "advisory lock 42". Relations of this
/// database by name; those of others, and those not committed yet, by OID.
const char* lock_text(const LOCKTAG& tag);

} // namespace sessionctl::pg
