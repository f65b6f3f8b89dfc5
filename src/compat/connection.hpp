// The connection of this session's client, seen from a signal handler.
#pragma once

namespace sessionctl::compat {

/// No read from the client and no write to it waits any more: the session ends at the next.
void shut_connection() noexcept;

} // namespace sessionctl::compat
