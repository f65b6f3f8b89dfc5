// What the worker that carries out the session rules, the reaper that starts and watches it, and all sessions
// share.
#pragma once

#include "compat/postgres.hpp"
#include "core/rules/action_times.hpp"
#include "core/rules/rule.hpp"

#include <atomic>

namespace sessionctl::pg {

/// One rule's place, kept by its name also after a drop. All but the atomic numbers is changed under the
/// rules' lock, by the worker alone.
struct RuleRecord {
    static constexpr std::size_t longest_error = 500;

    char name[core::longest_rule_name + 1]; // empty: the place is free
    char version[64];                       // of its row, when it was last read
    Oid owner;
    core::RuleAction action;
    bool is_present;                    // in the table, when it was last read
    char last_error[longest_error + 1]; // empty: none
    core::ActionTimes action_times;
    std::atomic<bool> is_switched_off; // it was found not to end; until it is changed
    core::Timestamp switched_off_at;   // monotonic; 0: never
    std::int32_t resets;               // of the numbers below
    std::atomic<std::int64_t> checks;
    std::atomic<std::int64_t> matched; // at the last check
    std::atomic<std::int64_t> acted;
    std::atomic<std::int64_t> ended;
    std::atomic<std::int64_t> held_back;
    std::atomic<std::int64_t> errors;
    std::atomic<core::Timestamp> last_check; // wall clock; 0: never
    std::atomic<core::Timestamp> last_acted;
    std::atomic<core::Timestamp> check_time; // microseconds, of all checks

    void reset_counters() noexcept;
    /// In the encoding of the rules' database.
    void set_error(const char* text) noexcept;
};

struct SharedRules {
    static constexpr std::int32_t none = -1;
    static constexpr std::size_t most_abandoned = 2;

    std::atomic<Latch*> latch;                  // of the worker; null: none runs
    std::atomic<std::int32_t> pid;              // of the worker
    std::atomic<std::int64_t> changes;          // how often the rules, or where they are, may have changed
    std::atomic<std::int64_t> nothing_to_do_at; // of `changes`: then the worker found no rule to check
    std::atomic<core::Timestamp> lasted;        // how long the last worker ran; INT64_MAX: it left by itself
    std::atomic<std::int32_t> kept_away;        // transactions that need the worker's database for themselves
    std::atomic<std::int32_t> checking;         // the number of the rule's record, or none
    std::atomic<core::Timestamp> checking_until; // monotonic; then the worker is ended
    std::atomic<core::Timestamp> waited_before;  // wait_for_processor() of the worker when the check began
    core::Timestamp told_to_end; // monotonic; by the reaper, since its check did not end; 0: no
    std::atomic<std::int32_t>
        abandoned[most_abandoned]; // pids of workers that did not end even then; 0: none
    core::Timestamp dry_run_since; // monotonic; 0: the rules act, or did last
    core::Timestamp known_since;   // monotonic: the start of the server, or its last crash
    bool has_been_read;            // since then
    Oid database;                  // whose rules `records` are
    int encoding;                  // of its texts
    RuleRecord records[core::most_rules];

    void begin(core::Timestamp now) noexcept;
    /// The worker has connected to this database. Rules of another that have the same names are others, but
    /// for their brakes.
    void belong_to(Oid its_database, int its_encoding) noexcept;
    /// The worker does not end: another one may take its place. False where there are too many such. Called
    /// while the rules' lock is held, as the next one.
    bool abandon() noexcept;
    /// This worker exits. False if it was abandoned: what the next one does is none of its business.
    bool leave(std::int32_t worker) noexcept;

    bool is_worker(std::int32_t process) const noexcept;
    /// Why no rule of this owner is checked, who is no superuser; null: they are.
    const char* problem_of_owner(Oid owner, core::Timestamp now) const noexcept;
    /// Wakes the worker, and the reaper, which starts it where there is none.
    void wake() noexcept;

  private:
    bool leave_place(std::int32_t worker) noexcept;
    /// As many workers as may be left behind are.
    bool is_crowded() const noexcept;
};

} // namespace sessionctl::pg
