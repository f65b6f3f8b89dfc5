// What can stand in a column of session_activity that has few values.
#pragma once

#include "core/memory.hpp"

#include <string_view>

namespace sessionctl::core {

/// Of a column whose values are ours to name; none for any other.
vector<const char*> values_of_column(std::string_view column);

/// 'idle', 'active'
string quoted_list(const vector<const char*>& values);

} // namespace sessionctl::core
