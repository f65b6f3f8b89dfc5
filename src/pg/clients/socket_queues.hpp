// What waits in the sockets of another process, to be read by it or by the other end. Linux tells through
// sock_diag.
#pragma once

#include <cstdint>

#include <sys/types.h>

namespace sessionctl::pg {

struct SocketQueues {
    bool has_input;  // something to read, in any stream socket
    bool has_output; // something that the other end has not read yet
};

/// False where the system does not tell.
bool socket_queues_of(pid_t pid, SocketQueues& queues) noexcept;

} // namespace sessionctl::pg
