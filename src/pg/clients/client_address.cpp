#include "pg/clients/client_address.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

namespace sessionctl::pg {

ClientAddress::ClientAddress(const SockAddr& address) noexcept : host(""), port(0) {
    const int family = address.addr.ss_family;
    if (family == AF_UNIX)
        port = -1;
    if (family != AF_INET && family != AF_INET6)
        return;
    char service[NI_MAXSERV];
    if (getnameinfo(reinterpret_cast<const sockaddr*>(&address.addr), address.salen, host, sizeof host,
                    service, sizeof service, NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        host[0] = '\0';
        return;
    }
    port = std::atoi(service);
    if (char* const zone = std::strchr(host, '%'))
        *zone = '\0';
}

core::ClientHost host_of(const SockAddr& address) noexcept {
    const auto bytes = [](const auto& number) { return reinterpret_cast<const unsigned char*>(&number); };
    switch (address.addr.ss_family) {
    case AF_UNIX:
        return core::ClientHost::local();
    case AF_INET:
        return core::ClientHost::ipv4(bytes(reinterpret_cast<const sockaddr_in&>(address.addr).sin_addr));
    case AF_INET6:
        return core::ClientHost::ipv6(bytes(reinterpret_cast<const sockaddr_in6&>(address.addr).sin6_addr));
    default:
        return {};
    }
}

core::string host_text(const core::ClientHost& host) {
    using Family = core::ClientHost::Family;
    if (host.family == Family::local || host.family == Family::unknown)
        return host.family == Family::local ? "local" : "unknown";
    SockAddr address = {};
    if (host.family == Family::ipv4) {
        auto& socket = reinterpret_cast<sockaddr_in&>(address.addr);
        socket.sin_family = AF_INET;
        std::memcpy(&socket.sin_addr, host.address, sizeof socket.sin_addr);
        address.salen = sizeof socket;
    } else {
        auto& socket = reinterpret_cast<sockaddr_in6&>(address.addr);
        socket.sin6_family = AF_INET6;
        std::memcpy(&socket.sin6_addr, host.address, sizeof socket.sin6_addr);
        address.salen = sizeof socket;
    }
    return ClientAddress(address).host;
}

} // namespace sessionctl::pg
