// The texts of a violation, for the client and for the audit.
#pragma once

#include "core/memory.hpp"
#include "core/reaper/limit_monitor.hpp"

namespace sessionctl::core {

/// "12 min", "1.5 s", "300 ms": the largest unit of which there is at least one, to one decimal.
string length_of_time(Timestamp microseconds);
/// "61 s", "1500 ms": exact, in the largest unit that is.
string exact_time(std::int32_t milliseconds);

/// A sentence: what the session did, for how long, and the limit.
string detail_of(const LimitViolation& violation);
/// What the user of the session can do about it.
const char* hint_of(const LimitViolation& violation) noexcept;

} // namespace sessionctl::core
