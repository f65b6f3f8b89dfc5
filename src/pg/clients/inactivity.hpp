// Does a session that waits for its client really wait for its client?
#pragma once

#include "compat/postgres.hpp"
#include "core/reaper/limit_monitor.hpp"

namespace sessionctl::pg {

#ifdef __linux__
constexpr bool can_observe_silence = compat::has_client_waits;
#else
constexpr bool can_observe_silence = false;
#endif

/// Not asleep is also who is stopped, who has something to read from its client, who waits to write what the
/// client has long read (a frozen process), and who can't be observed.
core::Inactivity inactivity_of(const core::Session& session) noexcept;

/// An idle session: has it sent what it had to say, and sleeps until its client speaks? Before 10 a session
/// does not tell what it waits for: one that sleeps.
bool is_at_rest(const core::Session& session) noexcept;

/// Has its client (over TCP: its client's machine) not taken yet all that was sent? False where the system
/// does not tell.
bool is_unheard(const core::Session& session) noexcept;

} // namespace sessionctl::pg
