// Snapshots whose making has moved between headers. Included where one is needed.
#pragma once

#include "compat/postgres.hpp"

extern "C" {
#include "utils/snapshot.h"
}

namespace sessionctl::compat {

/// Shows the rows that transactions under way have changed, too, and after each row whose they are.
void init_dirty_snapshot(SnapshotData& snapshot) noexcept;

} // namespace sessionctl::compat
