// Finds the socket of a backend that is connected to its client: the one that this server accepted.
#pragma once

#include "compat/postgres.hpp"

extern "C" {
#include "postmaster/postmaster.h"
}

#include <netinet/in.h>
#include <sys/socket.h>

namespace sessionctl::pg {

inline int port_of(const sockaddr_storage& address) noexcept {
    return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                               : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

/// An accepted Unix socket has the name of the listening socket; one that was connected has none.
inline bool is_name_of_server_socket(const char* name, std::size_t length) noexcept {
    char path[128] = {};
    char expected[32];
    if (length == 0)
        return false;
    std::memcpy(path, name, std::min(length, sizeof path - 1));
    std::snprintf(expected, sizeof expected, "/.s.PGSQL.%d", PostPortNumber);
    const char* const last =
        std::strrchr(path[0] == '\0' ? path + 1 : path, '/'); // abstract: begins with a null byte
    return last != nullptr && std::strcmp(last, expected) == 0;
}

} // namespace sessionctl::pg
