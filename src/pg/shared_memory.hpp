// The shared memory of a server that preloads the library.
#pragma once

#include "compat/postgres.hpp"
#include "core/locks/lock_priority.hpp"
#include "core/reaper/limits.hpp"
#include "pg/audit/audit_mark.hpp"
#include "pg/keep_out/cooldown.hpp"
#include "pg/keep_out/gate.hpp"
#include "pg/logins/connect_sweep_request.hpp"
#include "pg/logins/sweep_note.hpp"
#include "pg/rules/shared_rules.hpp"
#include "pg/sessions/client_message_box.hpp"
#include "pg/sessions/drain_request.hpp"
#include "pg/sessions/progress.hpp"

#include <atomic>

namespace sessionctl::pg {

/// A parameter as a session publishes it.
struct SessionValue {
    std::int32_t value; // `inherited`, or the session's own
    Oid set_by;         // the role that SET it; invalid: the session came with it
};

/// What the reaper has seen of a session's wait for a lock: see pg/locks/seen_wait.hpp.
struct SeenWait {
    std::atomic<core::Timestamp> since; // wall clock; 0: nothing
    std::atomic<core::Timestamp> session_start;
    std::atomic<core::Timestamp> statement; // its start
    std::atomic<std::uint64_t> lock;
};

/// Which of our processes wants to look at a session before it commits.
enum class Watcher { reaper, rules };
constexpr Watcher watchers[] = {Watcher::reaper, Watcher::rules};

/// Is a session in its commit, and could an error still undo what it has done?
enum class Commit : std::uint8_t { none, can_fail, cannot_fail };

/// What a session publishes, and the messages left for it. Valid for the session with this pid and start;
/// anything else is left over from an earlier one.
struct SessionSlot {
    std::atomic<std::int32_t> pid;
    std::atomic<core::Timestamp> start;
    std::atomic<std::int32_t> limits[core::limit_count]; // `inherited`, or the session's own
    std::atomic<SessionValue> lock_settings[core::lock_setting_count];
    SeenWait seen_wait; // checked by itself
    ClientMessageBox client_message;
    ClientMessageBox lasting_message;
    DrainRequest drain;
    std::atomic<Commit> commit; // this and the next two: see pg/sessions/commits.hpp
    std::atomic<core::Timestamp>
        look_wanted[std::size(watchers)]; // in the statement that began then; 0: none
    std::atomic<std::int32_t> signalled;  // the pid
    SharedProgress progress;
    GatePass pass;
    core::Origin origin; // valid while there is a pass
};

/// What the reaper publishes.
struct ReaperStatus {
    std::atomic<Latch*> latch;                   // null: no reaper runs
    std::atomic<core::Timestamp> next_look;      // monotonic, microseconds
    std::atomic<core::Timestamp> next_lock_look; // the same, for lock waits
    std::atomic<core::Timestamp> next_deadline;  // wall clock; 0: none
    std::atomic<core::Timestamp> last_reaped;    // wall clock; 0: never
    std::atomic<std::int64_t> wakeups;
    std::atomic<std::int64_t> reaped;
    std::atomic<std::int32_t> watched;
    std::atomic<std::int32_t> exempt;                                  // of those, over a limit
    std::atomic<std::int32_t> with_own_limits;                         // of those
    std::atomic<std::int32_t> limits[core::limit_count];               // of all sessions without their own
    std::atomic<std::int32_t> lock_settings[core::lock_setting_count]; // the same
};

/// How often something was done.
struct Counter {
    std::atomic<std::int64_t> acted_on;
    std::atomic<std::int64_t> ended;
    std::atomic<core::Timestamp> last; // wall clock; 0: never

    void reset() noexcept {
        acted_on = 0;
        ended = 0;
        last = 0;
    }
    void add(bool has_ended) noexcept {
        ++acted_on;
        ended += has_ended;
        last = GetCurrentTimestamp();
    }
};

/// One for each action that users call, one for each limit of the reaper (ended, or only logged), one for
/// statements that it cancelled, those for sessions in the way of one with a blocker_patience, and those for
/// waits that were given up by yield_after.
enum class CountedAction : std::uint8_t {
    cancel,
    terminate,
    close_socket,
    drain,
    reap_statement,
    blocker_cancel,
    blocker_terminate,
    blocker_log,
    yield_cancel,
    yield_log,
    reap,
    log
};
constexpr int call_count = 4;
constexpr int unruled_count = call_count + 6;
constexpr int counter_count = unruled_count + 2 * core::rule_count;

struct AuditRing;

struct SharedMemory {
    ReaperStatus reaper;
    Counter counters[counter_count];
    std::atomic<core::Timestamp> counters_reset;
    std::atomic<std::int64_t> setting_changes; // see pg/reloads.hpp
    AuditMark mark;
    LWLock* audit_lock;
    AuditRing* audit;
    SweepNotes sweep_notes;
    ConnectSweepRequests connect_sweep_requests;
    LWLock* gate_lock; // held to change the gate and its file
    Gate gate;
    LWLock* cooldown_lock;
    Cooldowns cooldowns;
    LWLock* drain_lock; // held to request or withdraw a drain
    LWLock* rules_lock; // held to read or change the texts and the action times in `rules`
    SharedRules rules;
    int slot_count;
    SessionSlot slots[FLEXIBLE_ARRAY_MEMBER];

    Counter& counter(CountedAction counted, core::Rule rule = {}) noexcept;
};

/// Requests the memory; called while the library is preloaded.
void request_shared_memory();
/// Null if the library was not preloaded.
SharedMemory* shared_memory() noexcept;
/// The slot of the session with that number in the session table; null if there is none.
SessionSlot* session_slot(int number) noexcept;
/// Errors: 55000 if the library was not preloaded. `what` begins the message.
SharedMemory& require_shared_memory(const char* what);

} // namespace sessionctl::pg
