// The file in the data directory that keeps a lockdown of the server over a crash or a restart.
#pragma once

#include "core/keep_out/gate.hpp"

namespace sessionctl::pg {

constexpr char gate_file_name[] = "pg_sessionctl.gate";

/// Written under another name, synced and renamed, so that the file is complete or absent; the file of
/// `before` is kept for restore_gate_file(). False with errno: the file is unchanged. None of these functions
/// raises an error.
bool write_gate_file(const core::GateState& next, const core::GateState& before) noexcept;

/// Undoes the last write_gate_file() without needing space. False with errno if not even the new file could
/// be removed.
bool restore_gate_file(const core::GateState& before) noexcept;
/// After this it can't be restored any more.
void forget_old_gate_file() noexcept;

/// False with errno.
bool remove_gate_file() noexcept;

bool has_gate_file() noexcept;
/// Makes the change durable against a crash of the machine. False with errno.
bool sync_gate_file() noexcept;

enum class GateFileFound { none, sound, damaged };

/// A file that can't be read counts as damaged. Removes files left by a crash.
GateFileFound find_gate_file(core::GateState& state) noexcept;

} // namespace sessionctl::pg
