// Since when a session waits for a lock. Before 14 the server does not tell, but the reaper publishes since
// when it has seen those that have a patience.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/wait_graph.hpp"

extern "C" {
#include "storage/lock.h"
}

namespace sessionctl::pg {

/// Called by the reaper; `since`: wall clock.
void publish_wait(const core::Session& session, const LOCKTAG& lock, core::Timestamp since) noexcept;

/// Of this wait of the session's (wall clock); 0: not known.
core::Timestamp waiting_since(const core::Session& session, const LOCKTAG& lock,
                              const core::ProcLock& wait) noexcept;

} // namespace sessionctl::pg
