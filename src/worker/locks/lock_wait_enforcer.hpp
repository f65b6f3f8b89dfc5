// The reaper's looks at lock waits: who has waited for long enough, and who keeps others waiting.
#pragma once

#include "worker/locks/patience_enforcer.hpp"
#include "worker/locks/yield_enforcer.hpp"

namespace sessionctl::worker {

class LockWaitEnforcer {
  public:
    explicit LockWaitEnforcer(Endings& endings) noexcept
        : patience_enforcer_(endings), yield_enforcer_(endings) {}

    /// Returns when to look again, on the monotonic clock.
    core::Timestamp look();

  private:
    core::Timestamp next_look();
    void look_at_waits();

    PatienceEnforcer patience_enforcer_;
    YieldEnforcer yield_enforcer_;
};

} // namespace sessionctl::worker
