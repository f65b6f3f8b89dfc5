// libFuzzer's way in: any input on which a property of the text functions does not hold is a crash.

#include "text_properties.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    if (const char* const violated = sessionctl::test::violated_by_any(text)) {
        std::fprintf(stderr, "%s\n", violated);
        std::abort();
    }
    return 0;
}
