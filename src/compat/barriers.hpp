// The signal slots of the server's processes, in which each says up to which barrier it has accepted them.
#pragma once

#include "compat/locks.hpp"
#include "core/locks/lockless_wait.hpp"

namespace sessionctl::compat {

/// Does the server wait for barriers (15)?
constexpr bool has_barriers = PG_VERSION_NUM >= 150000;

/// The slots, for copy_barriers(). Errors: XX000 where the server has them in another size than is known
/// here.
const void* signal_slots();

/// Copies what each process has accepted, and the number of the newest barrier. False: the slots are not laid
/// out as is known here.
bool copy_barriers(const void* slots, Room<core::BarrierFollower>& followers, uint64& newest) noexcept;

} // namespace sessionctl::compat
