// Who makes room: of the sessions that a full limit counts, or of all, those that have been idle for longest,
// and only ones that lose nothing by it. The caller holds the count lock. No allocation, no error: logins use
// it.
#pragma once

#include "core/admission/login_admission.hpp"

namespace sessionctl::core {

/// A session as it was seen without the lock. It looks at all this again itself before it ends.
struct EvictionCandidate {
    std::int32_t place;
    Identity id;
    bool is_idle;       // outside a transaction, and known to be
    bool is_spared;     // protected, exempt from the reaper, or not for the one who set the limit to signal
    bool keeps_state;   // a temporary table, a session's advisory lock, or LISTEN
    Timestamp idle_for; // microseconds
};

/// So long a session that came in for others is not evicted for others: two limits would have their clients
/// end each other's sessions for ever.
constexpr Timestamp settled_after = 60 * microseconds_per_second;

/// No login ends more sessions.
constexpr int most_victims = 8;
struct Victims {
    std::int32_t count;
    std::int32_t places[most_victims];
};

/// So many that the login has all that it is short of, or none. Preferred is who counts for most of the
/// limits that are full, then who has been idle for longest.
Victims choose_victims(const SessionPlaces& places, int login, const Shortage& shortage,
                       const EvictionCandidate* candidates, int count, Timestamp now) noexcept;

/// The next session to end above a limit that was lowered: a place; -1: none is above it, or none may go.
/// Those that are about to be ended do not count.
int choose_excess(const SessionPlaces& places, int limit, const EvictionCandidate* candidates,
                  int count) noexcept;

/// The next session to end for a free slot: a place; -1: none may go. It has been idle for so long at least.
int choose_longest_idle(const SessionPlaces& places, const EvictionCandidate* candidates, int count,
                        Timestamp idle_for) noexcept;

} // namespace sessionctl::core
