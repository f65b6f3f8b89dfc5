// Closes the connection of another backend's client, as tcpkill does, without root: the backend's socket is
// taken by way of its pidfd (Linux 5.6) and shut down. Encryption makes no difference to the socket
// underneath.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/engine.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

namespace sessionctl::pg {

/// The pidfd pins the process; -1: it could not be pinned. Among its sockets only the one that this server
/// has accepted from that client is closed.
core::Closing close_client_socket(int pidfd, pid_t pid, const SockAddr& client) noexcept;

} // namespace sessionctl::pg
