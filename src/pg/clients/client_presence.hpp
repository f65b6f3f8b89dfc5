// Is a session's client still connected? A backend that runs a statement does not check; the kernel knows.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"

extern "C" {
#include "libpq/pqcomm.h"
}

#include <sys/types.h>

namespace sessionctl::pg {

#ifdef __linux__
constexpr bool can_observe_clients = true;
#else
constexpr bool can_observe_clients = false;
#endif

enum class ClientPresence { unknown, there, gone };

/// Gone: the client has closed or reset its end. As with core's client_connection_check_interval, a client
/// that has only shut down its sending side counts as gone: over TCP the two look alike, and neither sends
/// any more.
ClientPresence client_presence_of(pid_t pid, const SockAddr& client) noexcept;

/// The same for many sessions. The kernel searches all TCP connections for each single query, so the
/// connections to this server are read once, on first use. A client that is not among them is queried again,
/// alone.
class ClientConnections {
  public:
    ClientPresence presence_of(pid_t pid, const SockAddr& client);

  private:
    /// A connection whose other end is open.
    struct Connection {
        std::uint32_t address[4]; // IPv4: only the first is used
        int port;
    };
    struct List {
        bool is_read = false;
        core::vector<Connection> connections;
    };

    static void read(List& list, int family);
    bool lists(const SockAddr& client);

    List ipv4_, ipv6_;
};

} // namespace sessionctl::pg
