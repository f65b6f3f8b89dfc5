// The texts of a violation, for the client and for the audit.
#pragma once

#include "core/length_of_time.hpp"
#include "core/reaper/limit_monitor.hpp"

namespace sessionctl::core {

/// A sentence: what the session did, for how long, and the limit.
string detail_of(const LimitViolation& violation);
/// What the user of the session can do about it.
const char* hint_of(const LimitViolation& violation) noexcept;

} // namespace sessionctl::core
