// The gate: who may log in while the server is locked down, and the file that keeps it over a restart. No
// allocation anywhere: logins and exiting processes use it.
#pragma once

#include "core/sessions/options.hpp"
#include "core/sessions/session.hpp"

#include <cstddef>
#include <string_view>

namespace sessionctl::core {

/// One lockdown of the server, plain data. Texts are UTF-8.
struct GateState {
    static constexpr int most_roles = 64;
    static constexpr std::size_t by_size = 256;
    static constexpr std::size_t reason_size = 512;

    bool is_closed;
    bool include_superusers;
    bool include_replication;
    std::int32_t hold;                     // how long a login waits before it is refused, ms
    Timestamp since;                       // 0: not known
    Timestamp until;                       // 0: until it is unlocked
    std::int32_t role_count;               // of the roles that may log in, with their members
    std::uint32_t allow_roles[most_roles]; // their OIDs
    char by[by_size];                      // the role that locked the server down; empty: not known
    char reason[reason_size];              // empty: none was given

    bool allows_role(std::uint32_t role) const noexcept;
    /// It opens by itself at `until`.
    bool is_closed_at(Timestamp now) const noexcept { return is_closed && (until == 0 || now < until); }
    /// It was closed, and its time has passed.
    bool is_over_at(Timestamp now) const noexcept { return is_closed && !is_closed_at(now); }
};

/// The properties of a login that decide.
struct Login {
    Kind kind;
    bool is_superuser;
    bool is_allowed; // one of allow_roles, or a member of one
};

/// Admits superusers, the allowed roles and walsenders for physical replication, unless the lockdown says
/// otherwise. Sessions that it admits are not terminated either.
bool admits(const GateState& state, const Login& login) noexcept;

enum class Admission : std::uint8_t { admit, hold, refuse };

/// `waited`: how long the login was held already (ms). A walsender is never held: from 12 on it would take
/// one of max_wal_senders, and its client tries again by itself.
Admission admission_of(const GateState& state, const Login& login, Timestamp now,
                       std::int64_t waited) noexcept;

/// How many logins may be held at once: a quarter of the slots that are not reserved, at least one.
int max_held_logins(int max_connections, int reserved) noexcept;

/// The longest hold (ms) with this authentication_timeout (s): 10 s less, or half of it where that is more.
/// That timeout ends a login without a message.
std::int64_t longest_hold(int authentication_timeout) noexcept;

/// In ms. Errors: 22023 (negative, longer than that; the hint says how long it may be).
std::int32_t checked_login_wait(const char* name, const Interval& wait, int authentication_timeout);
std::int32_t checked_hold(const Interval& hold, int authentication_timeout);

/// The file (core/settings_file.hpp).
struct GateFile {
    static constexpr std::size_t largest = 8192;

    std::size_t length;
    char text[largest];

    std::string_view view() const noexcept { return {text, length}; }
};

GateFile gate_file_of(const GateState& state) noexcept;
/// False, and `state` unchanged, where the file is damaged or of an unknown version.
bool read_gate_file(std::string_view text, GateState& state) noexcept;

/// In force when the file can't be read: closed to all but superusers, since the allowed roles are not known.
GateState closed_for_safety(Timestamp now, const char* reason) noexcept;

} // namespace sessionctl::core
