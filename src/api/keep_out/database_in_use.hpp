// What still uses a database when its sessions have ended, and would keep it from being dropped or renamed.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::api {

/// NOTICE: replication slots, prepared transactions and subscriptions. A caller who may not read one of these
/// catalogs is told nothing.
void report_remaining_objects(const char* name, Oid oid);

/// NOTICE: background processes, which a lockdown does not end. One that the caller may neither see nor end
/// is counted as denied.
void report_background(const char* name, Oid oid);

} // namespace sessionctl::api
