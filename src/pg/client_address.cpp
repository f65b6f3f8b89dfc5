#include "pg/client_address.hpp"

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

} // namespace sessionctl::pg
