// How many logins there may be in a time: a bucket of as many tokens, of which each login takes one, and
// which fills again evenly. Integers and the monotonic clock. No allocation: logins use it.
#pragma once

#include "core/sessions/session.hpp"

#include <string_view>

namespace sessionctl::core {

/// "50/s", "10/min", "1000/h". Plain data.
struct LoginRate {
    static constexpr std::int32_t most = 10000;

    std::int32_t logins; // 0: no bound
    std::int32_t within; // seconds: 1, 60 or 3600

    bool is_bound() const noexcept { return logins > 0; }
    bool operator==(const LoginRate& other) const noexcept {
        return logins == other.logins && within == other.within;
    }
};

struct LoginRateText {
    char text[24];
};
/// Empty where there is no bound.
LoginRateText login_rate_text(const LoginRate& rate) noexcept;
/// False, and `rate` as it was, where it is something else.
bool read_login_rate(std::string_view text, LoginRate& rate) noexcept;
/// Errors: 22023.
LoginRate checked_login_rate(std::string_view text);

/// How long a login waits for its token at most, and in vain before it is refused: clients that try again at
/// once are slowed down.
constexpr Timestamp longest_rate_wait = microseconds_per_second;

/// Plain data; all zero: full.
struct LoginBucket {
    std::int64_t full_at; // monotonic, nanoseconds: when the last token is back

    /// How long until there is a token, microseconds, rounded up.
    Timestamp wait(const LoginRate& rate, Timestamp now) const noexcept;
    /// Takes the next token, that of a login that will have waited for it as well.
    void take(const LoginRate& rate, Timestamp now) noexcept;
};

} // namespace sessionctl::core
