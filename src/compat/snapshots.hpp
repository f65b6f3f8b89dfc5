// Snapshots whose declarations moved between headers. Included where one is needed.
#pragma once

#include "compat/postgres.hpp"

extern "C" {
#include "utils/snapshot.h"
}

namespace sessionctl::compat {

/// Also shows the rows that running transactions have changed, and after each row whose they are.
void init_dirty_snapshot(SnapshotData& snapshot) noexcept;

} // namespace sessionctl::compat
