// What a message may tell of a session.
#pragma once

#include "core/session.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// What is hidden from who may not see the session? A SECURITY DEFINER function chooses and acts with its
/// owner's rights, and returns what it likes; but its caller reads the messages.
inline bool may_tell(const core::Session& session) noexcept {
    Oid user;
    int security_context;
    GetUserIdAndSecContext(&user, &security_context);
    return session.is_visible && (security_context & SECURITY_LOCAL_USERID_CHANGE) == 0;
}

} // namespace sessionctl::pg
