// A login as the session limits see it, and for which of them it counts. No allocation: logins use it.
#pragma once

#include "core/admission/session_limit_table.hpp"

namespace sessionctl::core {

/// What is known of a login once it is authenticated. Its application is the one of its request, whatever the
/// session sets later. Plain data.
struct LimitedLogin {
    Kind kind;
    std::uint32_t role;
    std::uint32_t database; // 0: it names none that exists
    Origin origin;

    /// No limit binds any other: not parallel or background workers, nor walsenders for physical replication.
    bool is_limited() const noexcept { return is_login(kind); }
};

/// All but the role. A walsender with a database counts only for limits of its own role or database: the
/// initial copy of a subscription is one, and would start over for ever.
bool may_concern(const LimitKey& key, const LimitedLogin& login) noexcept;

/// The limits that the login counts for. `is_member`: of the login's role, whether it is that role or a
/// member of it; it is asked at most once for each role of a limit that matches otherwise, and may leave by
/// longjmp.
LimitSet limits_of(const SessionLimits& limits, const LimitedLogin& login,
                   bool (*is_member)(std::uint32_t role, std::uint32_t of));

/// Does the limit count the two together? True without per.
bool counts_together(LimitPer per, const LimitedLogin& one, const LimitedLogin& other) noexcept;

/// Do the same limits count both, and together? Then a place of one is as good as a place of the other.
bool are_alike(const SessionLimits& limits, const LimitSet& numbers, const LimitedLogin& one,
               const LimitSet& other_numbers, const LimitedLogin& other) noexcept;

} // namespace sessionctl::core
