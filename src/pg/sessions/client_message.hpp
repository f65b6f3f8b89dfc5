// The message to the client of a session that pg_sessionctl terminates, or whose statement it cancels:
// written to the session's slot in shared memory before the signal, and read by the session itself.
#pragma once

#include "pg/sessions/client_message_box.hpp"

namespace sessionctl::pg {

/// Writes it in the encoding of the session's database. Does nothing if the library is not preloaded.
void put_client_message(const core::Session& session, bool is_cancel, const ClientMessage& client_message);
void clear_client_message(const core::Session& session) noexcept;
/// Used if there is no other message when the session ends on the reaper's request; stays as long as that
/// request. In ASCII.
void put_lasting_message(const core::Session& session, const ClientMessage& client_message) noexcept;
/// The message for this process.
bool own_client_message(bool is_cancel, ClientMessage& client_message) noexcept;

} // namespace sessionctl::pg
