// Cooldowns: the roles whose logins are refused for a while after their sessions were ended. Plain data in
// shared memory, read during login: nothing here allocates.
#pragma once

#include "core/keep_out/gate.hpp"

namespace sessionctl::core {

/// The machine a client is on, as session_activity.client_addr shows it: without port and IPv6 zone.
struct ClientHost {
    enum class Family : std::uint8_t { unknown, local, ipv4, ipv6 };

    Family family;
    unsigned char address[16]; // in network order; what is not used is 0

    static ClientHost local() noexcept { return {Family::local, {}}; }
    static ClientHost ipv4(const unsigned char* bytes) noexcept;
    /// An IPv4-mapped address (::ffff:0:0/96) becomes that IPv4 address.
    static ClientHost ipv6(const unsigned char* bytes) noexcept;

    bool operator==(const ClientHost& other) const noexcept;
};

/// Where a login comes from.
struct Origin {
    static constexpr std::size_t application_size = 64;

    ClientHost host;
    char application[application_size]; // application_name at login; empty: none

    /// Printable ASCII, and cut where the server cuts it.
    void set_application(const char* name) noexcept;
    bool operator==(const Origin& other) const noexcept;
};

/// The logins of one role (its OID) from one origin, to any database.
struct LoginKey {
    std::uint32_t role;
    Origin origin;

    bool operator==(const LoginKey& other) const noexcept {
        return role == other.role && origin == other.origin;
    }
};

/// Who set a cooldown: nobody else prolongs or shortens it.
struct CooldownSetter {
    std::uint32_t user; // session_user, whatever SET ROLE made of it
    bool is_superuser;  // session_user and current_user both are

    bool operator==(const CooldownSetter& other) const noexcept {
        return user == other.user && is_superuser == other.is_superuser;
    }
};

/// Times are monotonic: setting the clock neither shortens nor prolongs a cooldown.
struct Cooldown {
    LoginKey login;
    CooldownSetter setter;
    Timestamp since;
    Timestamp until;                     // 0: the entry was never used
    char by[GateState::by_size];         // the setter's name; empty: not known; UTF-8, as the reason is
    char reason[GateState::reason_size]; // empty: none was given

    bool is_running_at(Timestamp now) const noexcept { return now < until; }
    bool is_of(const LoginKey& that, const CooldownSetter& one) const noexcept {
        return login == that && setter == one;
    }
};

/// One entry for each login and setter.
struct CooldownTable {
    static constexpr int capacity = 128;
    /// So many entries are reserved for superusers: all other setters together never have more than the
    /// rest.
    static constexpr int reserved = 32;

    Cooldown places[capacity];

    /// The longest running cooldown of that login; null where there is none.
    const Cooldown* find(const LoginKey& login, Timestamp now) const noexcept;
    /// The entry for a new cooldown: the setter's own on that login, or a free one. Where the setter can have
    /// none, the oldest of the largest share. A share is all that a setter has, or what the superusers
    /// together have beyond the reserved entries. Among equal shares it is the setter's own.
    Cooldown& place_for(const LoginKey& login, const CooldownSetter& setter, Timestamp now) noexcept;
};

/// Seconds left, rounded up.
std::int64_t seconds_left(const Cooldown& cooldown, Timestamp now) noexcept;

} // namespace sessionctl::core
