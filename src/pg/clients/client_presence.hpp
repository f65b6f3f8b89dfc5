// Is a session's client still there? A backend that runs a statement does not look; the kernel knows.
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

/// Gone is whose end of the connection is closed, or reset. As core's client_connection_check_interval has
/// it, that is also who has only ended what it sends: over TCP both look the same, and neither will say
/// anything any more.
ClientPresence client_presence_of(pid_t pid, const SockAddr& client) noexcept;

/// The same of many sessions. To ask for one TCP connection the kernel walks through all there are, so those
/// to this server are read once, when the first is asked for; who is not among them is asked for again,
/// alone.
class ClientConnections {
  public:
    ClientPresence presence_of(pid_t pid, const SockAddr& client);

  private:
    /// Whose other end is open.
    struct Connection {
        std::uint32_t address[4]; // of IPv4 the first
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
