// libFuzzer's way in: any pg_hba.conf that lock() takes and decides wrongly about, or unlock() does not
// restore, is a crash.

#include "core/error.hpp"
#include "hba_model.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace sessionctl;

namespace {

/// Any text may be asked for its block, not only one that lock() made.
void look_for_block(const std::string& text) {
    try {
        const bool locked = core::hba::is_locked(text);
        const auto rest = core::hba::unlock(text);
        if (locked != rest.has_value() || locked != core::hba::mark_of(text).has_value() ||
            (rest && (rest->size() >= text.size() || core::hba::is_locked(*rest))))
            std::abort();
    } catch (const core::Error&) {
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 3)
        return 0;
    const std::string text(reinterpret_cast<const char*>(data) + 3, size - 3);
    look_for_block(text);
    if (const char* const violated = test::violated_by_lock(text, data[0] | data[1] << 8, data[2])) {
        std::fprintf(stderr, "%s\n", violated);
        std::abort();
    }
    return 0;
}
