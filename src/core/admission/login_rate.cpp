#include "core/admission/login_rate.hpp"

#include "core/error.hpp"
#include "core/settings_file.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<LoginRate> && std::is_trivial_v<LoginBucket>, "they live in shared memory");

namespace {

constexpr std::int64_t nanoseconds_per_microsecond = 1000;
constexpr std::int64_t nanoseconds_per_second = 1000 * 1000 * 1000;

struct RateUnit {
    const char* name;
    std::int32_t seconds;
};
constexpr RateUnit rate_units[] = {{"s", 1}, {"min", 60}, {"h", 3600}};

/// In which one token comes back: nanoseconds, so that the fraction that is lost does not matter.
std::int64_t pause_of(const LoginRate& rate) noexcept {
    return rate.within * nanoseconds_per_second / rate.logins;
}

std::int64_t in_nanoseconds(Timestamp time) noexcept {
    return time * nanoseconds_per_microsecond;
}

} // namespace

LoginRateText login_rate_text(const LoginRate& rate) noexcept {
    LoginRateText result = {};
    for (const RateUnit& unit : rate_units)
        if (rate.is_bound() && unit.seconds == rate.within)
            std::snprintf(result.text, sizeof result.text, "%d/%s", rate.logins, unit.name);
    return result;
}

bool read_login_rate(std::string_view text, LoginRate& rate) noexcept {
    const std::size_t slash = std::min(text.find('/'), text.size());
    std::int64_t logins = 0;
    if (!read_number(text.substr(0, slash), LoginRate::most, logins) || logins == 0 || slash == text.size())
        return false;
    for (const RateUnit& unit : rate_units)
        if (text.substr(slash + 1) == unit.name) {
            rate = {static_cast<std::int32_t>(logins), unit.seconds};
            return true;
        }
    return false;
}

LoginRate checked_login_rate(std::string_view text) {
    LoginRate rate = {};
    if (!read_login_rate(text, rate))
        throw Error(sqlstate::invalid_parameter_value, "invalid login_rate \"%.*s\"",
                    static_cast<int>(text.size()), text.data())
            .hint("Valid values are a number from 1 to %d and '/s', '/min' or '/h', as in '50/s'; NULL is no "
                  "bound.",
                  LoginRate::most);
    return rate;
}

Timestamp LoginBucket::wait(const LoginRate& rate, Timestamp now) const noexcept {
    const std::int64_t moment = in_nanoseconds(now);
    const std::int64_t capacity = pause_of(rate) * rate.logins;
    const std::int64_t left = full_at + pause_of(rate) - capacity - moment;
    return (std::max<std::int64_t>(left, 0) + nanoseconds_per_microsecond - 1) / nanoseconds_per_microsecond;
}

void LoginBucket::take(const LoginRate& rate, Timestamp now) noexcept {
    full_at = std::max(full_at, in_nanoseconds(now)) + pause_of(rate);
}

} // namespace sessionctl::core
