// The progress of a call, and what the sessions do for which it waits.
#pragma once

#include "core/sessions/plan.hpp"

#include <boost/container/flat_map.hpp>

namespace sessionctl::core {

/// The function that was called.
enum class Call : std::uint8_t {
    cancel,
    terminate,
    drain,
    escalate,
    lockdown_database,
    lockdown_role,
    lockdown_server,
    limit_role,
};
constexpr int kinds_of_calls = 8;
const char* call_name(Call call) noexcept;
/// For actions that signal.
Call call_of(Action action) noexcept;

struct Progress {
    std::int64_t chosen;
    std::int64_t signalled; // or asked, of a drain
    std::int64_t done;      // proven ended or cancelled
    std::int64_t left;      // not proven yet
};

/// Is the call not yet done with it?
bool is_left(const Target& target) noexcept;
Progress progress_of(const Plan& plan) noexcept;

/// When a waiting call reports its progress: after 2 s, then every 5 s.
class ProgressClock {
  public:
    explicit ProgressClock(Timestamp began) noexcept
        : began_(began), next_(began + 2 * microseconds_per_second) {}

    /// True once each time.
    bool is_due(Timestamp now) noexcept;
    Timestamp began() const noexcept { return began_; }

  private:
    Timestamp began_; // monotonic
    Timestamp next_;
};

/// What one session does at a moment.
struct Activity {
    bool is_visible; // to the reader of the report
    bool is_listed;  // in the session table: else it is exiting
    State state;
    const char* wait_event_type; // null: it does not wait, or it is not known
    const char* wait_event;
};

/// Counts sessions by what they do.
class Activities {
  public:
    void add(const Activity& activity);
    /// "3 idle in transaction, 1 active (Lock: relation)": the most frequent first. Empty: nobody is left.
    string text() const;

  private:
    boost::container::flat_map<string, int, std::less<string>, Allocator<std::pair<string, int>>> counts_;
};

/// "2 of 5 sessions have ended after 7 s"
string progress_text(const Progress& progress, Call call, Timestamp waited);
/// Before any is chosen: "lockdown_server still waits after 7 s"
string progress_text(Call call, Timestamp waited);

} // namespace sessionctl::core
