// The name of the reaper's process, for itself and for those that start it.
#pragma once

namespace sessionctl::pg {

/// The name of the process, everywhere it is shown.
constexpr char reaper_name[] = "pg_sessionctl reaper";
constexpr char reaper_function[] = "sessionctl_reaper_main";

} // namespace sessionctl::pg
