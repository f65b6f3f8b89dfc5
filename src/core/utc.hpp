// Times in files: UTC, so that whoever reads them on another machine reads the same. No allocation.
#pragma once

#include "core/sessions/session.hpp"

#include <string_view>

namespace sessionctl::core {

struct UtcText {
    char text[48];
};

UtcText utc_text(Timestamp time) noexcept;

/// What utc_text() wrote. False where it is something else; then `time` is as it was.
bool read_utc(std::string_view text, Timestamp& time) noexcept;

} // namespace sessionctl::core
