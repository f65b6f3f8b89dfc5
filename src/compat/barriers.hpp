// The signal slots of the server's processes: each has the number of the last barrier that its process has
// accepted.
#pragma once

#include "compat/locks.hpp"
#include "core/locks/non_lock_wait.hpp"

namespace sessionctl::compat {

/// Does the server wait for barriers (15)?
constexpr bool has_barriers = PG_VERSION_NUM >= 150000;

/// The slots, for copy_barriers(). Errors: XX000 if their size in the server is not the expected one.
const void* signal_slots();

/// Copies what each process has accepted, and the number of the newest barrier. False: the layout of the
/// slots is not the expected one.
bool copy_barriers(const void* slots, CopyBuffer<core::BarrierProgress>& followers, uint64& newest) noexcept;

} // namespace sessionctl::compat
