// The address of a session's client.
#pragma once

#include "compat/postgres.hpp"
#include "core/keep_out/cooldown.hpp"
#include "core/memory.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

#include <netdb.h>

namespace sessionctl::pg {

struct ClientAddress {
    char host[NI_MAXHOST]; // numeric, without an IPv6 zone; empty for a Unix socket or where not known
    int port;              // -1 for a Unix socket, 0 where not known

    explicit ClientAddress(const SockAddr& address) noexcept;

    bool is_network() const noexcept { return host[0] != '\0'; }
    bool is_local() const noexcept { return port == -1; }
};

core::ClientHost host_of(const SockAddr& address) noexcept;
/// "local" for a Unix socket.
core::string host_text(const core::ClientHost& host);

} // namespace sessionctl::pg
