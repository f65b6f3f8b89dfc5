// Lengths of time as people read them.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/session.hpp"

namespace sessionctl::core {

/// "12 min", "1.5 s", "300 ms": the largest unit of which there is at least one, to one decimal. No
/// allocation: logins use it.
struct LengthOfTime {
    char text[32];

    explicit LengthOfTime(Timestamp microseconds) noexcept;
};
string length_of_time(Timestamp microseconds);
/// "61 s", "1500 ms": exact, in the largest unit that is.
string exact_time(std::int32_t milliseconds);

} // namespace sessionctl::core
