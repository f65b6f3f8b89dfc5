// The file in the data directory that remembers a lockdown of the server over a crash or a restart.
#pragma once

#include "core/keep_out/gate.hpp"

namespace sessionctl::pg {

constexpr char gate_file_name[] = "pg_sessionctl.gate";

/// Written beside, synced, renamed, so that there is always a whole file or none; the one of `before` is kept
/// for restore_gate_file(). False with errno: the file is as it was. Raises nothing, as all of these.
bool write_gate_file(const core::GateState& next, const core::GateState& before) noexcept;

/// What was there before the last write_gate_file(), without needing space. False with errno where even the
/// file of what is taken back could not be removed.
bool restore_gate_file(const core::GateState& before) noexcept;
/// That it can no longer be restored.
void forget_old_gate_file() noexcept;

/// False with errno.
bool remove_gate_file() noexcept;

bool has_gate_file() noexcept;
/// What was done to the file outlives a crash of the machine. False with errno.
bool sync_gate_file() noexcept;

enum class GateFileFound { none, sound, damaged };

/// A file that can't be read is a damaged one. What a crash has left beside it is removed.
GateFileFound find_gate_file(core::GateState& state) noexcept;

} // namespace sessionctl::pg
