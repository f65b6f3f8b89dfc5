// When the patience of a waiting session ends, and what it does then about those in its way.
#pragma once

#include "core/locks/lock_priority.hpp"

namespace sessionctl::core {

enum class StepKind : std::uint8_t {
    report, // nobody is ended, for the blocker's obstacle
    log,    // it would be ended
    cancel,
    terminate,
};

struct PatienceStep {
    StepKind kind;
    Blocker blocker;
    Timestamp waited; // microseconds, for this blocker
};

inline bool is_signal(const PatienceStep& step) noexcept {
    return step.kind == StepKind::cancel || step.kind == StepKind::terminate;
}

/// Remembers the waits of sessions with a patience from look to look. A blocker's time counts from when the
/// waits that lead to it began; of a transaction that began later, from when it was first seen before this
/// wait.
class PatienceMonitor {
  public:
    void begin(Timestamp monotonic) noexcept;
    /// Has a wait that began then (monotonic) lasted for so long (ms) that its blockers have to be looked
    /// for? That takes time: true for `most_searches` waits in a look, and not for those that were searched
    /// a moment ago.
    bool is_due(const LockWait& wait, Timestamp since, std::int32_t patience) noexcept;
    /// The look has taken long enough: after the first one, none is due any more.
    void end_searches() noexcept { allowed_searches_ = 1; }
    /// The first session that had to be left to the next look; 0: none.
    std::int32_t first_postponed() const noexcept { return first_postponed_; }
    /// What to do now about a wait, whose blockers are these: about all of them, or reports of those that
    /// stay. Each obstacle is reported, and each blocker logged, once for each wait; a transaction is
    /// cancelled once, and terminated once, however many wait for it.
    vector<PatienceStep> check(const LockWait& wait, const LockSettings& settings,
                               const vector<Blocker>& blockers);
    /// Nothing more can come of this wait, whoever is in its way.
    void close(const LockWait& wait) noexcept;
    /// Would these, found in the way of the wait just now, all have to go? A step is taken for all of them,
    /// or for none.
    bool all_give_way(const LockWait& wait, std::int32_t patience, const vector<Blocker>& blockers) noexcept;
    /// The step was taken, by whomever; otherwise it comes again.
    void taken(const LockWait& wait, const PatienceStep& step);
    /// Forgets the waits that were not checked in this look, and who is in nobody's way any more.
    void finish() noexcept;
    /// When to look again, on the monotonic clock.
    Timestamp next_look() const noexcept { return next_look_; }

    static constexpr Timestamp never = INT64_MAX;
    static constexpr int most_searches = 64;
    static constexpr Timestamp longest_look = 20 * microseconds_per_millisecond;
    /// After a cancel, before `escalate` terminates.
    static constexpr Timestamp cancel_time = 2 * microseconds_per_second;

  private:
    struct Pair {
        Identity id;
        Timestamp xact_start;
        Timestamp since; // monotonic
        bool is_logged;
        bool is_checked;
    };
    /// A transaction that was signalled, for whichever wait.
    struct Signalled {
        Identity id;
        Timestamp xact_start;
        Timestamp cancelled_at; // 0: it was not
        bool is_terminated;
        Timestamp seen_at; // in the way of a wait
    };
    struct Wait {
        LockWait id;
        vector<Pair> pairs; // in the order of their pids
        Timestamp next_look;
        std::uint32_t reported; // obstacles, as bits
        bool is_checked;
    };

    Wait& wait_of(const LockWait& id);
    Pair* pair_of(Wait& wait, const Blocker& blocker);
    Timestamp note(Wait& wait, const Blocker& blocker, Timestamp patience);
    static bool is_to_be_reported(Wait& wait, Obstacle obstacle) noexcept;
    Pair* find_pair(const LockWait& id, const Blocker& blocker) noexcept;
    Signalled& signalled_of(const Blocker& blocker);
    std::optional<StepKind> step_for(Wait& wait, const Pair& pair, const Blocker& blocker,
                                     BlockerAction action) noexcept;
    void look_by(Timestamp at) noexcept;
    void look_by(Wait& wait, Timestamp at) noexcept;

    vector<Wait> waits_;          // in the order of their pids
    vector<Signalled> signalled_; // in the order of their pids
    Timestamp now_ = 0;           // monotonic
    Timestamp next_look_ = never;
    int searches_ = 0; // in this look
    int allowed_searches_ = most_searches;
    std::int32_t first_postponed_ = 0;
};

/// How often to look whether a session waits that has such a patience (ms).
Timestamp look_interval(std::int32_t patience) noexcept;

/// A session has set such a patience: when to look, if the next look (0: one is under way) comes too late for
/// it; none: it does not. Once the next look is that one, it is early enough for everybody.
std::optional<Timestamp> earlier_look(Timestamp now, std::int32_t patience, Timestamp next) noexcept;

/// Before this there is no look after one that used a processor for so long: however many wait, looks take a
/// tenth of the time. A busy machine, on which a look stands still, does not make it late once more.
Timestamp earliest_next_look(Timestamp ended, Timestamp used) noexcept;

/// For the client of the blocker, and for the audit.
string detail_of(const PatienceStep& step, const LockSettings& waiter);
const char* hint_of(const PatienceStep& step) noexcept;

} // namespace sessionctl::core
