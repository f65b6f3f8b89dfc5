// Whether a session that reports a wait for its client really waits for it.
#pragma once

#include "compat/postgres.hpp"
#include "core/reaper/session_history.hpp"

namespace sessionctl::pg {

#ifdef __linux__
constexpr bool can_observe_silence = compat::has_client_waits;
#else
constexpr bool can_observe_silence = false;
#endif

/// Not inactive: a process that is stopped, that has input from its client to read, that waits to write what
/// the client has already read (a frozen process), or that can't be observed.
core::Inactivity inactivity_of(const core::Session& session) noexcept;

/// For an idle session: has it sent all its output, and does it sleep until the client sends something?
/// Before 10 a session does not report waits for its client: any session that sleeps.
bool is_at_rest(const core::Session& session) noexcept;

/// Is some of the output not yet received by the client (over TCP: by the client's machine)? False if the
/// system does not tell.
bool has_unreceived_output(const core::Session& session) noexcept;

} // namespace sessionctl::pg
