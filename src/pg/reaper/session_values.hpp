// The values of parameters that a session publishes in its slot in shared memory, where the reaper reads
// them. A value that is only the configuration's is not published: the reaper has it itself.
#pragma once

#include "compat/postgres.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "utils/guc.h"
}

namespace sessionctl::pg {

/// In the place of a value: the session has none of its own.
constexpr std::int32_t inherited = -1;

/// For check hooks: passes a value's source, and the role that sets it, to the assign hook, which is called
/// for restored values, too.
bool keep_source(void** extra, GucSource source) noexcept;

/// For assign hooks, which must not raise an error: where this process publishes its values. Null if there is
/// no slot, or no source was kept.
SessionSlot* slot_to_publish(const void* extra) noexcept;
/// What to publish there.
SessionValue value_to_publish(std::int32_t value, const void* extra) noexcept;

bool belongs_to(const SessionSlot& slot, const core::Identity& session) noexcept;
/// A session does not clear its slot at exit. True if its process is gone.
bool forget_if_dead(SessionSlot& slot) noexcept;

} // namespace sessionctl::pg
