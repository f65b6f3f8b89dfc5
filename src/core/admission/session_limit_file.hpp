// The file that keeps the session limits over a restart (core/settings_file.hpp): for each limit its lines,
// of which `limit 50` is the first.
#pragma once

#include "core/admission/session_limit_table.hpp"

#include <cstddef>
#include <string_view>

namespace sessionctl::core {

/// More than the texts of all limits can take.
constexpr std::size_t largest_limit_file = SessionLimits::capacity * std::size_t{4096} + 4096;

/// Into memory of the caller's, of that size. Returns the length. No allocation, and no error.
std::size_t write_limit_file(const SessionLimitTable& table, char* text, std::size_t size) noexcept;

/// False where the file is damaged or of an unknown version: then there is no limit in the table. The numbers
/// of the limits may be others than those that were written.
bool read_limit_file(std::string_view text, SessionLimitTable& table) noexcept;

} // namespace sessionctl::core
