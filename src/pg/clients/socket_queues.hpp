// Unread data in the sockets of another process, in either direction, from Linux's sock_diag.
#pragma once

#include <cstdint>

#include <sys/types.h>

namespace sessionctl::pg {

struct SocketQueues {
    bool has_input;  // some socket has data to read
    bool has_output; // some socket has data that the other end has not read
};

/// False if the system does not tell.
bool socket_queues_of(pid_t pid, SocketQueues& queues) noexcept;

} // namespace sessionctl::pg
