// What the looks at a session have shown so far.
#pragma once

#include "core/clock.hpp"
#include "core/reaper/limits.hpp"

#include <cstdint>

namespace sessionctl::core {

/// Whether a process did anything: it did not if it sleeps, has nothing to read and has not run since the
/// last look.
struct Inactivity {
    bool is_asleep;         // waits in the kernel, neither stopped nor with something to read from its client
    std::uint64_t switches; // how often it gave up the processor or lost it
};

struct SessionHistory {
    Identity id;
    Timestamp began;        // monotonic
    Timestamp state_change; // wall clock
    Timestamp state_since;  // monotonic
    Timestamp xact_start;
    Timestamp xact_since;
    Timestamp query_start;
    Timestamp query_since;
    Timestamp cancelled_at; // that statement; 0: it was not
    Timestamp exempt_until;
    std::int32_t logged_limits[rule_count]; // in the logged violation; 0: none
    bool was_signalled;
    bool was_asleep;
    std::uint64_t switches;
    Timestamp silent_since_look; // when `switches` was read
    Timestamp silent_for;
    Timestamp gone_since; // its client; 0: it is there
    static constexpr std::uint32_t none = UINT32_MAX;
    std::uint32_t commits = none; // the transaction, when that statement was last seen to
    Timestamp commits_since;      // monotonic

    /// What is new about the session begins now: itself, its state, its transaction, its statement.
    void follow(const Session& session, const Clock& clock) noexcept;
    /// Adds the time since the last look if the process neither ran nor had anything to read meanwhile.
    void measure_silence(Inactivity inactivity, Timestamp now, Timestamp longest_gap) noexcept;
    /// The limit in the logged violation of this rule; 0: none.
    std::int32_t& logged_limit(Rule rule) noexcept { return logged_limits[static_cast<int>(rule)]; }
    std::int32_t logged_limit(Rule rule) const noexcept { return logged_limits[static_cast<int>(rule)]; }
    void forget_logged() noexcept;
};

} // namespace sessionctl::core
