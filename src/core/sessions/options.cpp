#include "core/sessions/options.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <limits>

namespace sessionctl::core {

namespace {

/// In ms.
std::int64_t checked_wait(const char* name, const char* hint, const Interval& wait) {
    const std::int64_t total = milliseconds_of(wait);
    const char* const what = wait.infinite                ? "infinite"
                             : total < 0                  ? "negative"
                             : total > longest_timeout_ms ? "longer than one hour"
                                                          : nullptr;
    if (what != nullptr)
        throw Error(sqlstate::invalid_parameter_value, "%s must not be %s", name, what).hint("%s", hint);
    return total;
}

} // namespace

std::int64_t milliseconds_of(const Interval& interval) noexcept {
    constexpr std::int64_t longer_than_any = 100000 * day_ms;
    if (interval.infinite)
        return interval.microseconds < 0 ? -1 : longer_than_any;
    const std::int64_t days = interval.days + std::int64_t{30} * interval.months;
    if (days > 50000)
        return longer_than_any;
    if (days < -50000)
        return -1;
    // Neither term can overflow the sum: the days are a hundredth of the largest number.
    constexpr std::int64_t bound = std::numeric_limits<std::int64_t>::max() / 2;
    const std::int64_t total = days * day_ms * microseconds_per_millisecond +
                               std::clamp<std::int64_t>(interval.microseconds, -bound, bound);
    if (total < 0)
        return -1;
    return total / microseconds_per_millisecond + (total % microseconds_per_millisecond > 0 ? 1 : 0);
}

bool is_negative(const Interval& interval) noexcept {
    return milliseconds_of(interval) < 0;
}

std::int64_t checked_timeout(const Interval& timeout) {
    return checked_wait("timeout", timeout_hint, timeout);
}

std::int64_t checked_cooldown(const Interval& cooldown) {
    return checked_wait("cooldown", cooldown_hint, cooldown);
}

std::int64_t checked_step(const Interval& step) {
    const std::int64_t total = checked_wait("step", step_hint, step);
    if (total == 0)
        throw Error(sqlstate::invalid_parameter_value, "step must be longer than '0'").hint("%s", step_hint);
    return total;
}

KeepWhich checked_keep_which(std::string_view word) {
    for (const KeepWhich which :
         {KeepWhich::oldest, KeepWhich::newest, KeepWhich::busiest, KeepWhich::longest})
        if (word == keep_which_name(which))
            return which;
    throw Error(sqlstate::invalid_parameter_value, "unrecognized keep_which \"%.*s\"",
                static_cast<int>(word.size()), word.data())
        .hint(
            "Valid values are 'oldest', 'newest' (by backend_start), 'busiest' (by last change of state) and "
            "'longest' (in its transaction).");
}

std::int32_t checked_keep(std::int32_t keep) {
    if (keep < 0)
        throw Error(sqlstate::invalid_parameter_value, "keep must not be negative")
            .hint("Valid values are 0 (keep none) or more: how many sessions to leave alone.");
    return keep;
}

std::int32_t checked_refuse_above(std::int32_t bound) {
    if (bound < 0)
        throw Error(sqlstate::invalid_parameter_value, "refuse_above must not be negative")
            .hint(
                "Valid values are 0 (no bound) or more, or NULL for the setting pg_sessionctl.refuse_above.");
    return bound;
}

const char* keep_which_name(KeepWhich which) noexcept {
    switch (which) {
    case KeepWhich::oldest:
        return "oldest";
    case KeepWhich::newest:
        return "newest";
    case KeepWhich::busiest:
        return "busiest";
    case KeepWhich::longest:
        return "longest";
    }
    return "";
}

} // namespace sessionctl::core
