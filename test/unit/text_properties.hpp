// What holds for the text functions whatever they are given: the unit tests try it on random bytes, test/fuzz
// on those that libFuzzer finds.
#pragma once

#include <string_view>

namespace sessionctl::test {

/// Each returns null, or what is wrong.
const char* violated_by_clean_reason(std::string_view text);
const char* violated_by_quoted(std::string_view text);
const char* violated_by_parse_names(std::string_view text);
const char* violated_by_clipped_length(std::string_view text);

const char* violated_by_any(std::string_view text);

} // namespace sessionctl::test
