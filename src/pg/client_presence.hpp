// Is a session's client still there? A backend that runs a statement does not look; the kernel knows.
#pragma once

#include "pg/postgres.hpp"

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

} // namespace sessionctl::pg
