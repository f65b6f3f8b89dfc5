#include "compat/snapshots.hpp"

extern "C" {
#include "utils/snapmgr.h"
#if PG_VERSION_NUM < 120000 // 12: InitDirtySnapshot() moved to snapmgr.h
#include "utils/tqual.h"
#endif
}

namespace sessionctl::compat {

void init_dirty_snapshot(SnapshotData& snapshot) noexcept {
    InitDirtySnapshot(snapshot);
}

} // namespace sessionctl::compat
