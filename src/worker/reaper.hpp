// The reaper: a background worker that ends sessions over their limit.
#pragma once

namespace sessionctl::worker {

/// The name of the process, everywhere it is shown.
constexpr char reaper_name[] = "pg_sessionctl reaper";
constexpr char reaper_function[] = "sessionctl_reaper_main";

/// Called while the library is preloaded.
void register_reaper();

} // namespace sessionctl::worker
