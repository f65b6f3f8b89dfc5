#include "core/utc.hpp"

#include <cstdio>
#include <cstring>
#include <ctime>

namespace sessionctl::core {

UtcText utc_text(Timestamp time) noexcept {
    Timestamp fraction = time % microseconds_per_second;
    fraction += fraction < 0 ? microseconds_per_second : 0;
    const std::time_t seconds =
        (time - fraction) / microseconds_per_second + static_cast<std::time_t>(unix_epoch_of_timestamp);
    std::tm parts = {};
    gmtime_r(&seconds, &parts);
    UtcText result;
    std::snprintf(result.text, sizeof result.text, "%04d-%02d-%02d %02d:%02d:%02d.%06d UTC",
                  parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min,
                  parts.tm_sec, static_cast<int>(fraction));
    return result;
}

bool read_utc(std::string_view text, Timestamp& time) noexcept {
    char copy[64] = "";
    if (text.size() >= sizeof copy)
        return false;
    std::memcpy(copy, text.data(), text.size());
    std::tm parts = {};
    int fraction = 0;
    int end = 0;
    if (std::sscanf(copy, "%d-%2d-%2d %2d:%2d:%2d.%6d UTC%n", &parts.tm_year, &parts.tm_mon, &parts.tm_mday,
                    &parts.tm_hour, &parts.tm_min, &parts.tm_sec, &fraction, &end) != 7 ||
        static_cast<std::size_t>(end) != text.size() || parts.tm_year < 1970 || parts.tm_year > 294276)
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    const std::tm written = parts;
    const std::time_t seconds = timegm(&parts);
    // The 31st of February is damage, not the 3rd of March.
    if (parts.tm_mon != written.tm_mon || parts.tm_mday != written.tm_mday ||
        parts.tm_hour != written.tm_hour || parts.tm_min != written.tm_min || fraction < 0)
        return false;
    time = (static_cast<Timestamp>(seconds) - unix_epoch_of_timestamp) * microseconds_per_second + fraction;
    return true;
}

} // namespace sessionctl::core
