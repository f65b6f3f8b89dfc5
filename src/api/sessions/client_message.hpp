// The message to the client of a session that a call ends or whose statement it cancels.
#pragma once

#include "pg/sessions/client_message.hpp"

namespace sessionctl::api {

/// The reason, which may be null. It is another user's text, and is marked as such.
pg::ClientMessage client_message_of(const char* reason, Oid caller);

} // namespace sessionctl::api
