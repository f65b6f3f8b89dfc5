// The file in the data directory that remembers a lockdown of the server over a crash or a restart.
#pragma once

#include "core/gate.hpp"

namespace sessionctl::pg {

constexpr char gate_file_name[] = "pg_sessionctl.gate";

/// Closed: written beside, synced, renamed, the directory synced, so that there is always a whole file or
/// none. Open: removed, and the directory synced. Raises nothing; false with errno.
bool write_gate_file(const core::GateState& state) noexcept;

enum class GateFileFound { none, sound, damaged };

/// A file that can't be read is a damaged one. Raises nothing.
GateFileFound find_gate_file(core::GateState& state) noexcept;

} // namespace sessionctl::pg
