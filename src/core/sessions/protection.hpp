// Why a session is spared or denied, and which options include it.
#pragma once

#include "core/sessions/session.hpp"

namespace sessionctl::core {

/// Why a caller may not act on a session, in the order of the checks.
enum class Protection : std::uint8_t {
    none,
    self,
    parallel_worker,
    not_a_client,
    background_process,
    replication,
    superuser,
    protected_role,
    permission_denied
};

/// As session_activity.protection spells it; null for none.
const char* protection_name(Protection protection) noexcept;

/// What the caller allows beyond the defaults.
struct Inclusion {
    bool superusers = false;
    bool replication = false;
    bool database_walsenders = false; // of replication only these: they may not log in any more
    bool background = false;
};

Protection protection_of(const Session& session, Inclusion inclusion) noexcept;

/// `given`, and what the caller has to allow beyond it to act on the session; `given` alone where no option
/// helps.
Inclusion inclusion_for(const Session& session, Inclusion given) noexcept;

} // namespace sessionctl::core
