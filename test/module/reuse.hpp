// A pid that is reused between the check and the signal, on purpose.
#pragma once

#include "pg/sessions/signals.hpp"

namespace sessionctl::test {

struct Reuse {
    bool possible; // false: the kernel or the container doesn't let us choose a pid
    core::Delivery delivery;
    bool hit; // the new owner of the pid got the signal
};

Reuse signal_reused_pid(pg::SignalMethod method) noexcept;

} // namespace sessionctl::test
