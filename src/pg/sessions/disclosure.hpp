// Which facts about a session a message may contain.
#pragma once

#include "core/sessions/session.hpp"
#include "pg/condition/scope.hpp"

namespace sessionctl::pg {

/// False for what is hidden from roles that may not see the session. A function with another user's rights
/// acts with them and may return anything, but its caller reads the messages.
inline bool may_tell(const core::Session& session) noexcept {
    return session.is_visible && !is_under_other_user();
}

} // namespace sessionctl::pg
