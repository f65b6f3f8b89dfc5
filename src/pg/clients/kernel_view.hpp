// What the kernel tells of another process, through /proc.
#pragma once

#include "core/sessions/remaining_session.hpp"

#include <sys/types.h>

namespace sessionctl::pg {

/// Whatever may not be read stays empty.
core::KernelView kernel_view_of(pid_t pid) noexcept;

} // namespace sessionctl::pg
