// The connection of this session's client, seen from a signal handler.
#pragma once

namespace sessionctl::compat {

/// Reads from the client and writes to it no longer block: the session ends at the next one.
void shut_connection() noexcept;

} // namespace sessionctl::compat
