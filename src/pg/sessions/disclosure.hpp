// What a message may tell of a session.
#pragma once

#include "core/sessions/session.hpp"
#include "pg/condition/scope.hpp"

namespace sessionctl::pg {

/// What is hidden from who may not see the session? A function that runs with another user's rights chooses
/// and acts with them, and returns what it likes; but who called it reads the messages.
inline bool may_tell(const core::Session& session) noexcept {
    return session.is_visible && !is_under_other_user();
}

} // namespace sessionctl::pg
