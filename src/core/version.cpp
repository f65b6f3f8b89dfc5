#include "core/version.hpp"

#include "core/error.hpp"

namespace sessionctl::core {

namespace {

/// Reads the number at the front of `text` and the dot behind it; -1 where nothing is left.
long take_number(std::string_view& text) noexcept {
    if (text.empty())
        return -1;
    long number = 0;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9' && number < 1000000) {
        number = number * 10 + (text.front() - '0');
        text.remove_prefix(1);
    }
    if (!text.empty())
        text.remove_prefix(1);
    return number;
}

} // namespace

int compare_versions(std::string_view a, std::string_view b) noexcept {
    while (!a.empty() || !b.empty()) {
        const long left = take_number(a);
        const long right = take_number(b);
        if (left != right)
            return left < right ? -1 : 1;
    }
    return 0;
}

void require_equal_versions(const char* library, const char* script) {
    const int order = compare_versions(library, script);
    if (order == 0)
        return;
    Error error(sqlstate::object_not_in_prerequisite_state,
                "the library of pg_sessionctl is version %s, but its objects in this database are version %s",
                library, script);
    if (order > 0)
        error.hint("Run ALTER EXTENSION pg_sessionctl UPDATE.");
    else
        error.hint("Install the library of version %s and reconnect; if it is in shared_preload_libraries, "
                   "restart the server.",
                   script);
    throw error;
}

} // namespace sessionctl::core
