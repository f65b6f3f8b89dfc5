// The progress of calls that act on other sessions: reported to the caller, and visible to all others.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/progress.hpp"
#include "pg/exit_guard.hpp"

#include <atomic>
#include <limits>

namespace sessionctl::pg {

/// The numbers shown for a call.
struct ProgressNumbers {
    static constexpr int count = 7;

    std::int64_t call; // core::Call
    std::int64_t chosen;
    std::int64_t signalled;
    std::int64_t done;
    std::int64_t left;
    core::Timestamp since; // wall clock
    core::Timestamp until; // wall clock; 0: no deadline
};

/// In the slot of the session with this pid and start, written only by it. Without the library preloaded, the
/// numbers are where core's commands report their progress.
struct SharedProgress {
    std::atomic<std::uint32_t> changes; // odd: being written
    std::atomic<std::int32_t> pid;      // 0: no call
    std::atomic<core::Timestamp> start;
    std::atomic<std::int64_t> numbers[ProgressNumbers::count];
};

/// A running call, as long as this lives. A nested call is part of the outer one: it has its own sessions and
/// its own deadline, but no name.
class Progress {
  public:
    static constexpr core::Timestamp no_deadline = std::numeric_limits<core::Timestamp>::max();

    /// The deadline is monotonic. The plan must outlive this; null: there is none yet.
    explicit Progress(core::Call call, core::Timestamp deadline = no_deadline,
                      const core::Plan* plan = nullptr);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// To be called wherever a call waits, or has acted on one of many sessions: publishes the progress of
    /// the innermost call, and from time to time raises a NOTICE. Raises PgError.
    static void report();
    /// Sets the deadline of the innermost call.
    static void set_deadline(core::Timestamp deadline);

  private:
    static void hide_shared(void*) noexcept;
    void show();
    void look();
    void notice() const;

    Progress* const outer_;
    const core::Call call_;
    const core::Timestamp since_;
    core::Timestamp until_; // wall clock
    const core::Plan* const plan_;
    core::ProgressClock own_clock_;
    core::ProgressClock& clock_; // of the outermost call
    core::Timestamp next_show_ = 0;
    const ExitGuard guard_;
};

/// Of this session; false if it has no running call.
bool progress_of(const core::Session& session, ProgressNumbers& numbers);

} // namespace sessionctl::pg
