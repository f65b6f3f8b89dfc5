// Logins in a cooldown are refused: part of the gate.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::hooks {

/// Stores the origin of this login; must be done before its pass is written.
void note_origin(const Port* port) noexcept;

/// Ends this login (FATAL) if it is in a cooldown.
void refuse_in_cooldown(const Port* port);

} // namespace sessionctl::hooks
