// A session limit: how many sessions there may be of a role, a database, an application, a client network, or
// any combination of them, and what happens to a login above it.
#pragma once

#include "core/admission/client_network.hpp"
#include "core/admission/login_rate.hpp"

#include <optional>

namespace sessionctl::core {

/// One limit for each value of this; none: one limit for all together.
enum class LimitPer : std::uint8_t { none, role, database, application, client };
enum class WhenFull : std::uint8_t { refuse, wait, evict };

/// Null for none.
const char* limit_per_name(LimitPer per) noexcept;
const char* when_full_name(WhenFull when_full) noexcept;

/// Whom it binds. Roles and databases are OIDs, and so survive a rename; one that was dropped matches nobody.
/// Plain data; what is not used is 0, so that keys can be compared.
struct LimitKey {
    std::uint32_t role;     // its logins and its members'; 0: any
    std::uint32_t database; // 0: any
    ClientNetwork client;
    LimitPer per;
    bool has_application;
    char application[Origin::application_size]; // as the login gives it; may be empty

    bool is_whole_server() const noexcept;
    bool operator==(const LimitKey& other) const noexcept;
    bool operator!=(const LimitKey& other) const noexcept { return !(*this == other); }
};

/// Plain data.
struct SessionLimit {
    LimitKey key;
    std::int32_t sessions;
    WhenFull when_full;
    std::int32_t wait;           // ms
    std::int32_t evict_idle_for; // ms: how long a session has been idle before it is evicted
    LoginRate login_rate;
};

/// Who set it, when and why: for display, and for the right to evict. Plain data; texts are UTF-8.
struct LimitAccount {
    std::uint32_t set_by; // its OID: it has to be allowed to signal whom the limit evicts
    Timestamp since;
    char by[GateState::by_size];
    char reason[GateState::reason_size];
};

constexpr std::int32_t default_evict_idle_for = 60 * 1000; // ms

/// Errors: 22023 (negative).
std::int32_t checked_sessions(std::int32_t sessions);
/// Sets it in the key. Errors: 22023 (not printable ASCII, which is all that the server keeps of it), 42622
/// (longer than that).
void set_application(LimitKey& key, std::string_view application);
/// Errors: 22023 with the words in the hint.
LimitPer checked_limit_per(std::string_view word);
WhenFull checked_when_full(std::string_view word);
/// In ms. Errors: 22023 (negative, infinite, over one day).
std::int32_t checked_evict_idle_for(const Interval& interval);

/// Errors: 22023 for options that do not go together: when_full 'wait' without wait, wait or evict_idle_for
/// without the when_full that they are for, per something that has one value.
void check_session_limit(const SessionLimit& limit);

} // namespace sessionctl::core
