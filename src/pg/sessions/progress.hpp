// How far the calls are that act on others' sessions: told to who called, and shown to all others.
#pragma once

#include "compat/postgres.hpp"
#include "core/sessions/progress.hpp"
#include "pg/exit_guard.hpp"

#include <atomic>
#include <limits>

namespace sessionctl::pg {

/// What is shown of a call.
struct ProgressNumbers {
    static constexpr int count = 7;

    std::int64_t call; // core::Call
    std::int64_t chosen;
    std::int64_t signalled;
    std::int64_t done;
    std::int64_t left;
    core::Timestamp since; // wall clock
    core::Timestamp until; // wall clock; 0: it does not wait, or for as long as it takes
};

/// In the slot of the session with this pid and start, written by that one alone. Where the library is not
/// preloaded, the numbers stand where core's commands show their progress.
struct SharedProgress {
    std::atomic<std::uint32_t> changes; // odd: being written
    std::atomic<std::int32_t> pid;      // 0: no call
    std::atomic<core::Timestamp> start;
    std::atomic<std::int64_t> numbers[ProgressNumbers::count];
};

/// A call under way, as long as this lives. One inside of another is a part of that: it has its own sessions
/// and its own deadline, but no name.
class Progress {
  public:
    static constexpr core::Timestamp no_deadline = std::numeric_limits<core::Timestamp>::max();

    /// The deadline is monotonic. The plan outlives it; null: there is none yet.
    explicit Progress(core::Call call, core::Timestamp deadline = no_deadline,
                      const core::Plan* plan = nullptr);
    ~Progress();
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    /// Wherever a call waits, or has acted on one of many: shows how far the innermost one is, and from time
    /// to time tells it in a NOTICE. Raises PgError.
    static void tell();
    /// The innermost one waits until then.
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
    core::ProgressClock& clock_; // of the outermost
    core::Timestamp next_show_ = 0;
    const ExitGuard guard_;
};

/// Of this session; false where it has no call under way.
bool progress_of(const core::Session& session, ProgressNumbers& numbers);

} // namespace sessionctl::pg
