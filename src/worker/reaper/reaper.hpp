// The reaper: a background worker that ends sessions over their limit.
#pragma once

namespace sessionctl::worker {

/// Called while the library is preloaded.
void register_reaper();

} // namespace sessionctl::worker
