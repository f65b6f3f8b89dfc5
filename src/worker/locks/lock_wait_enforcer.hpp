// The reaper's looks at lock waits: who has waited for long enough, and who keeps others waiting.
#pragma once

#include "worker/locks/patience_enforcer.hpp"
#include "worker/locks/yield_enforcer.hpp"

namespace sessionctl::worker {

class LockWaitEnforcer {
  public:
    explicit LockWaitEnforcer(Endings& endings) noexcept
        : patience_enforcer_(endings, starts_), yield_enforcer_(endings, starts_) {}

    void look();
    /// When to look, on the monotonic clock: sessions that set a patience bring it forward.
    core::Timestamp next_look() const noexcept;
    /// The configuration has changed.
    void reconsider() noexcept { is_to_look_ = true; }

  private:
    core::Timestamp look_at_waits();
    core::Timestamp begin(const core::vector<core::LockWait>& waits);
    void look_at(const WaitingSessions& sessions);

    core::WaitStarts starts_;   // of all waits, since they are on the way to a blocker
    std::int32_t begin_at_ = 0; // this pid
    bool is_to_look_ = true;
    core::Timestamp earliest_ = 0; // when it may look again (monotonic)
    PatienceEnforcer patience_enforcer_;
    YieldEnforcer yield_enforcer_;
};

} // namespace sessionctl::worker
