// Versions of the library and of the SQL script, "1.0", "1.10.2".
#pragma once

#include <string_view>

namespace sessionctl::core {

/// Less than, equal to or greater than 0, number by number: 1.9 comes before 1.10.
int compare_versions(std::string_view a, std::string_view b) noexcept;

/// Errors: 55000, with a hint at what brings the two together.
void require_equal_versions(const char* library, const char* script);

} // namespace sessionctl::core
