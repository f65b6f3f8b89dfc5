// The reaper's process, for itself and for those that start and stop it.
#pragma once

#include "core/sessions/session.hpp"

#include <optional>

namespace sessionctl::pg {

/// The name of the process, everywhere it is shown.
constexpr char reaper_name[] = "pg_sessionctl reaper";
constexpr char reaper_function[] = "sessionctl_reaper_main";

/// The reaper with this pid, as a session that can be signalled by its identity. Null: it has just ended.
std::optional<core::Session> reaper_session(int pid);

} // namespace sessionctl::pg
