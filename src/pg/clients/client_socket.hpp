// Closes the connection of another backend's client, as tcpkill does, but without root: duplicates the
// backend's socket through its pidfd (Linux 5.6) and shuts it down. Works under TLS, too.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/signal_and_prove.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

namespace sessionctl::pg {

/// The pidfd identifies the process; -1: there is none. Closes only the socket that this server accepted from
/// that client.
core::Closing close_client_socket(int pidfd, pid_t pid, const SockAddr& client) noexcept;

} // namespace sessionctl::pg
