// When a session that waits for the lock of a table gives its wait up, since it keeps others waiting.
#pragma once

#include "core/locks/patience.hpp"

namespace sessionctl::core {

/// What there is of one lock.
struct ProcLocksOfLock {
    const ProcLock* first;
    const ProcLock* end;
};

/// Who would be granted the lock at once, if only the requests before it of parties that yield were gone.
/// They go one at a time, the last in the queue first.
struct KeptWaiting {
    const ProcLock* waiter;
    Party by;
};
/// All of a lock, in the order of `by`; `yielding`: in their order. In time n log n.
vector<KeptWaiting> kept_waiting(ProcLocksOfLock lock, const vector<Party>& yielding);
/// Those of them that this party keeps waiting.
struct KeptRange {
    const KeptWaiting* first;
    const KeptWaiting* last;

    const KeptWaiting* begin() const noexcept { return first; }
    const KeptWaiting* end() const noexcept { return last; }
    bool empty() const noexcept { return first == last; }
};
KeptRange kept_waiting_by(const Party& party, const vector<KeptWaiting>& kept) noexcept;

/// Remembers the waits of sessions that yield from look to look: the time counts from when the first of those
/// behind began to wait, as long as there is one at each look; and not from before the last look at which
/// this wait kept nobody waiting, when those who wait now waited for somebody else.
class YieldMonitor {
  public:
    void begin(Timestamp monotonic) noexcept;
    /// For how long a wait has kept others waiting, if that is long enough (ms) to give it up now, or, where
    /// nobody `gives_up`, to log it once. `since`: monotonic, of the first of those; `never`: there are none.
    std::optional<Timestamp> check(const LockWait& wait, std::int32_t yield_after, Timestamp since,
                                   bool gives_up);
    void cancelled(const LockWait& wait) noexcept;
    void logged(const LockWait& wait) noexcept;
    /// Forgets the waits that were not checked in this look.
    void finish() noexcept;
    /// When to look again, on the monotonic clock.
    Timestamp next_look() const noexcept { return next_look_; }

    static constexpr Timestamp never = PatienceMonitor::never;

  private:
    struct Wait {
        LockWait id;
        Timestamp free_at; // monotonic, the last look at which it kept nobody waiting
        Timestamp since;   // monotonic; never: it keeps nobody waiting
        bool is_logged;
        bool is_checked;
    };

    vector<Wait> waits_; // in the order of their pids
    Timestamp now_ = 0;  // monotonic
    Timestamp next_look_ = never;
};

/// For the client, and for the audit.
string detail_of_yield(Timestamp waited, std::int32_t yield_after);
constexpr char hint_of_yield[] =
    "What the transaction did before is undone: repeat it, when the table is less in use.";

} // namespace sessionctl::core
