#include "core/length_of_time.hpp"

#include <cstdio>

namespace sessionctl::core {

namespace {

struct TimeUnit {
    const char* name;
    Timestamp length;
};

constexpr TimeUnit time_units[] = {
    {"d", 86400 * microseconds_per_second}, {"h", 3600 * microseconds_per_second},
    {"min", 60 * microseconds_per_second},  {"s", microseconds_per_second},
    {"ms", microseconds_per_millisecond},
};

} // namespace

LengthOfTime::LengthOfTime(Timestamp microseconds) noexcept : text("0 ms") {
    for (const TimeUnit& unit : time_units) {
        if (microseconds < unit.length)
            continue;
        const Timestamp tenths = microseconds / (unit.length / 10);
        const bool is_whole = tenths % 10 == 0 || unit.length == microseconds_per_millisecond;
        if (is_whole)
            std::snprintf(text, sizeof text, "%lld %s", static_cast<long long>(tenths / 10), unit.name);
        else
            std::snprintf(text, sizeof text, "%lld.%d %s", static_cast<long long>(tenths / 10),
                          static_cast<int>(tenths % 10), unit.name);
        return;
    }
}

string length_of_time(Timestamp microseconds) {
    return LengthOfTime(microseconds).text;
}

string exact_time(std::int32_t milliseconds) {
    char text[64];
    for (const TimeUnit& unit : time_units) {
        const Timestamp count = milliseconds / (unit.length / microseconds_per_millisecond);
        if (count * unit.length != milliseconds * microseconds_per_millisecond || count == 0)
            continue;
        std::snprintf(text, sizeof text, "%lld %s", static_cast<long long>(count), unit.name);
        return text;
    }
    return "0 ms";
}

} // namespace sessionctl::core
