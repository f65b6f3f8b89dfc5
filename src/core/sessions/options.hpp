// The options of a call, checked before anything happens.
#pragma once

#include "core/sessions/protection.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sessionctl::core {

enum class KeepWhich : std::uint8_t { oldest, newest, busiest, longest };

const char* keep_which_name(KeepWhich which) noexcept;

/// The safety options of one call.
struct Guards {
    Inclusion include;
    std::optional<std::int64_t> refuse_above; // nullopt: no bound
    std::int32_t keep = 0;
    KeepWhich keep_which = KeepWhich::oldest;
};

constexpr std::int64_t longest_timeout_ms = 60 * 60 * 1000;
constexpr std::int64_t day_ms = 24 * longest_timeout_ms;
constexpr char timeout_hint[] =
    "Valid values are '0' (signal and return at once) to '1 h'; write '5 s' for five seconds.";

constexpr char step_hint[] = "Valid values are more than '0', and up to '1 h'; write '2 s' for two seconds.";

/// An SQL interval, not yet checked.
struct Interval {
    std::int64_t microseconds;
    std::int32_t days;
    std::int32_t months;
    bool infinite;
};

/// In ms, rounded up, so that '1 us' is not "do not wait"; -1 for a negative interval. Long ones saturate.
std::int64_t milliseconds_of(const Interval& interval) noexcept;

bool is_negative(const Interval& interval) noexcept;

/// How long to wait for proof, in ms, 0 = don't. Errors: 22023 (negative, infinite, over one hour).
std::int64_t checked_timeout(const Interval& timeout);

/// How long a step of an escalation waits, in ms. Errors: 22023 (not positive, infinite, over one hour).
std::int64_t checked_step(const Interval& step);

/// Errors: 22023 with the three words in the hint.
KeepWhich checked_keep_which(std::string_view word);

/// Errors: 22023 (negative).
std::int32_t checked_keep(std::int32_t keep);
std::int32_t checked_refuse_above(std::int32_t bound);

constexpr char cooldown_hint[] = "Valid values are '0' (none) to '1 h'; write '30 s' for thirty seconds.";

/// How long the logins of ended sessions are refused, in ms, 0 = not at all. Errors: 22023 (negative,
/// infinite, over one hour).
std::int64_t checked_cooldown(const Interval& cooldown);

} // namespace sessionctl::core
