// The buckets of all limits with a login_rate, one for each value of a limit with per. No allocation: logins
// use it.
#pragma once

#include "core/admission/limited_login.hpp"

namespace sessionctl::core {

/// Plain data; all zero: all are full. The caller holds the count lock.
struct LoginBuckets {
    static constexpr int capacity = 512;

    struct Entry {
        LoginBucket bucket;
        std::int32_t limit;
        LimitedLogin login; // any of those that share it
    };
    Entry entries[capacity];

    /// How long until the login has a token of each of its limits that have a rate. Takes these tokens,
    /// unless that would take longer than longest_rate_wait: then none, and `limit` is the one with the
    /// longest wait.
    Timestamp wait(const SessionLimits& limits, const LimitSet& numbers, const LimitedLogin& login,
                   Timestamp now, int& limit) noexcept;
    /// The limit was removed, or has another rate.
    void forget(int limit) noexcept;

  private:
    Entry* find(const SessionLimits& limits, int limit, const LimitedLogin& login) noexcept;
    Entry& entry_for(const SessionLimits& limits, int limit, const LimitedLogin& login) noexcept;
};

} // namespace sessionctl::core
