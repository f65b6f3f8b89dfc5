// Versions of the library and of the SQL script, "1.0", "1.10.2", and what a version of the server
// understands.
#pragma once

#include <string_view>

namespace sessionctl::core {

/// Less than, equal to or greater than 0, number by number: 1.9 comes before 1.10.
int compare_versions(std::string_view a, std::string_view b) noexcept;

/// Errors: 55000, with a hint at what brings the two together.
void require_equal_versions(const char* library, const char* script);

/// Between an argument's name and its value in a call that is shown to be pasted: => from 9.5 on. `server` as
/// the server numbers itself: 90426, 150020.
constexpr const char* argument_sign(int server) noexcept {
    return server >= 90500 ? "=>" : ":=";
}

} // namespace sessionctl::core
