// What the reaper's process is called, by those who start it and by itself.
#pragma once

namespace sessionctl::pg {

/// The name of the process, everywhere it is shown.
constexpr char reaper_name[] = "pg_sessionctl reaper";
constexpr char reaper_function[] = "sessionctl_reaper_main";

} // namespace sessionctl::pg
