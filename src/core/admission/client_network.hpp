// The networks that clients come from, as PostgreSQL's cidr writes them. No allocation: logins use it.
#pragma once

#include "core/keep_out/cooldown.hpp"

namespace sessionctl::core {

struct NetworkText {
    char text[64];
};

/// Without a family it is every client's, those on local sockets included; with one it is never theirs. No
/// bits to the right of the mask are set. Plain data.
struct ClientNetwork {
    ClientHost::Family family; // unknown, ipv4 or ipv6
    std::uint8_t bits;
    unsigned char address[16]; // in network order; what is not used is 0

    static ClientNetwork any() noexcept { return {ClientHost::Family::unknown, 0, {}}; }
    /// Of cidr's bytes in network order, 4 or 16. A network of IPv4-mapped addresses becomes that of the IPv4
    /// addresses, as a client's address does. Bits to the right of the mask are cleared.
    static ClientNetwork ipv4(const unsigned char* bytes, int bits) noexcept;
    static ClientNetwork ipv6(const unsigned char* bytes, int bits) noexcept;

    bool is_any() const noexcept { return family == ClientHost::Family::unknown; }
    bool contains(const ClientHost& client) const noexcept;
    bool operator==(const ClientNetwork& other) const noexcept;
};

/// "10.0.0.0/8"; empty for any.
NetworkText network_text(const ClientNetwork& network) noexcept;
/// "10.0.0.7"; "local" for a local socket, "unknown" where it is not known.
NetworkText host_text(const ClientHost& host) noexcept;

/// An address, IPv6 in any of its spellings, and the number of bits after a slash. False, and `network` as it
/// was, where it is something else, or has bits to the right of the mask.
bool read_network(std::string_view text, ClientNetwork& network) noexcept;

} // namespace sessionctl::core
