// All session limits of the server, as they lie in shared memory. A limit keeps its number as long as it
// exists. No allocation: logins use it.
#pragma once

#include "core/admission/limit_set.hpp"
#include "core/admission/session_limit.hpp"

namespace sessionctl::core {

/// What a login reads. Plain data.
struct SessionLimits {
    static constexpr int capacity = LimitSet::capacity;

    std::uint32_t version; // each change increments it
    LimitSet numbers;      // of the limits that exist
    SessionLimit limits[capacity];

    bool are_none() const noexcept { return numbers.is_empty(); }
    /// Its number; -1 where there is none with this key.
    int find(const LimitKey& key) const noexcept;
    const SessionLimit& operator[](int number) const noexcept { return limits[number]; }
};

/// Plain data. The caller holds the lock of those that set limits.
struct SessionLimitTable {
    SessionLimits list;
    LimitAccount accounts[SessionLimits::capacity];

    int find(const LimitKey& key) const noexcept { return list.find(key); }
    /// The number for a limit with this key: its own, or one that is free. Errors: 54000.
    int number_for(const LimitKey& key) const;
    void set(int number, const SessionLimit& limit, const LimitAccount& account) noexcept;
    void remove(int number) noexcept;
};

} // namespace sessionctl::core
