// Cooldowns: whose logins are refused for a while, because their sessions were ended. Plain data in shared
// memory, which a login reads: nothing here allocates.
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
    /// An IPv4 address in IPv6's clothes (::ffff:0:0/96) is that IPv4 address.
    static ClientHost ipv6(const unsigned char* bytes) noexcept;

    bool operator==(const ClientHost& other) const noexcept;
};

/// Where a login comes from.
struct Origin {
    static constexpr std::size_t application_size = 64;

    ClientHost host;
    char application[application_size]; // as it was named when it logged in; empty: it was not

    /// Printable ASCII, and cut where the server cuts it.
    void set_application(const char* name) noexcept;
    bool operator==(const Origin& other) const noexcept;
};

/// Whose logins: a role's (its OID), of one origin. The database does not matter.
struct LoginKey {
    std::uint32_t role;
    Origin origin;

    bool operator==(const LoginKey& other) const noexcept {
        return role == other.role && origin == other.origin;
    }
};

/// Whose cooldown it is: nobody else prolongs or shortens it.
struct CooldownSetter {
    std::uint32_t user; // the session's, whatever role it has taken since
    bool is_superuser;  // the session's user, and the current one

    bool operator==(const CooldownSetter& other) const noexcept {
        return user == other.user && is_superuser == other.is_superuser;
    }
};

/// Times are monotonic: who sets the clock neither shortens nor prolongs a cooldown.
struct Cooldown {
    LoginKey login;
    CooldownSetter setter;
    Timestamp since;
    Timestamp until;                     // 0: none was here yet
    char by[GateState::by_size];         // the setter's name; empty: not known; UTF-8, as the reason is
    char reason[GateState::reason_size]; // empty: none was given

    bool is_running_at(Timestamp now) const noexcept { return now < until; }
    bool is_of(const LoginKey& that, const CooldownSetter& one) const noexcept {
        return login == that && setter == one;
    }
};

/// One for each login and each who set one on it.
struct CooldownTable {
    static constexpr int capacity = 128;
    /// So many places are the superusers' alone. They are not certain ones: nobody else ever has more than
    /// the others, and these always have room for a superuser's.
    static constexpr int reserved = 32;

    Cooldown places[capacity];

    /// Of those of that login the one that lasts longest; null where it is in no cooldown.
    const Cooldown* find(const LoginKey& login, Timestamp now) const noexcept;
    /// For a new one: the place of the one that he has on that login, or a free one. Where none is free for
    /// him, the largest share gives up what it began first: a share is all that a setter has, or what the
    /// superusers together have beyond the reserved places. Among equal ones it is his own.
    Cooldown& place_for(const LoginKey& login, const CooldownSetter& setter, Timestamp now) noexcept;
};

/// Seconds left, the one that has begun included.
std::int64_t seconds_left(const Cooldown& cooldown, Timestamp now) noexcept;

} // namespace sessionctl::core
