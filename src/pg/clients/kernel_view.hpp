// What /proc tells about another process.
#pragma once

#include "core/sessions/remaining_session.hpp"

#include <sys/types.h>

namespace sessionctl::pg {

/// Fields that this process may not read stay empty.
core::KernelView kernel_view_of(pid_t pid) noexcept;

} // namespace sessionctl::pg
