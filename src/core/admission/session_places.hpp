// The places of sessions and of logins under way: what the session limits count. Plain data in shared memory;
// who calls holds the count lock, and has copied nothing. No allocation, no error: logins and exiting
// processes use it.
#pragma once

#include "core/admission/limited_login.hpp"

namespace sessionctl::core {

enum class PlaceState : std::uint8_t {
    free,
    entered,  // a login for which nothing is decided
    held,     // it waits for its turn by a login_rate, or for a free slot
    waiting,  // it waits for room; it does not count, but may own places of those that were evicted for it
    admitted, // it counts, until it and its process are gone
    ending    // it still counts
};

/// Instead of an evictor: the session may stay, or it has to make room that is kept for nobody.
constexpr std::int32_t no_evictor = -1;
constexpr std::int32_t evicted_for_all = -2;

/// Plain data.
struct SessionPlace {
    PlaceState state;
    bool is_superuser;
    bool asks_for_victims;   // it waits, and core will not refuse it
    bool finds_no_victim;    // nobody may be evicted for it
    bool has_evicted_others; // for a place of theirs it came in, and no limit counts them as it counts this
                             // one
    Identity id;
    std::int32_t slot; // its number in the session table
    LimitedLogin login;
    std::uint32_t version;  // of the limits, when it was found which ones count it
    LimitSet limits;        // that count it
    LimitSet owned;         // where a place is kept for it while it waits
    std::int32_t evictor;   // the place of the login that it has to make room for, or one of those below
    std::int32_t waits_for; // the limit that it waits for; -1: none
    Timestamp since;        // monotonic: when it entered, and once admitted, when that was
    Timestamp left_at;      // monotonic: when it was first seen to have left the session table; 0: it has not

    bool counts() const noexcept { return state == PlaceState::admitted || state == PlaceState::ending; }
    bool is_evicted() const noexcept { return evictor != no_evictor; }
    bool is_kept_waiting() const noexcept {
        return state == PlaceState::held || state == PlaceState::waiting;
    }
};

/// What the server knows of a session that is ending.
struct Remains {
    bool has_entry;   // in the session table
    bool has_process; // with its pid
};

/// A pid may be used again: so long after its session has left the table, a process is another one.
constexpr Timestamp longest_exit = 10 * microseconds_per_second;

class SessionPlaces {
  public:
    /// The place of a session has the number of its slot. Those beyond are for sessions that have left their
    /// slot while their process is still there.
    SessionPlaces(const SessionLimits& limits, SessionPlace* places, int count, int slot_count) noexcept
        : limits_(limits), places_(places), count_(count), slot_count_(slot_count) {}

    SessionPlace& operator[](int place) const noexcept { return places_[place]; }
    int count() const noexcept { return count_; }
    const SessionLimits& limits() const noexcept { return limits_; }

    /// For a login that enters. -1: there is none until some process is gone.
    int take(const Identity& login, int slot, Timestamp now) const noexcept;
    /// Gives back the places of sessions that are gone. The place of one that was evicted is kept for the
    /// login that evicted it, if that still waits.
    void give_back(Remains (*remains_of)(const SessionPlace& ending), Timestamp now) const noexcept;

    /// How many the limit counts together with this login, which need not have a place.
    int connected(int limit, const LimitedLogin& login) const noexcept;
    /// All that the limit counts, for display.
    int connected(int limit) const noexcept;
    /// Those that any limit could count.
    int admitted() const noexcept;

  private:
    int free_place(int slot) const noexcept;
    bool is_gone(SessionPlace& place, const Remains& remains, Timestamp now) const noexcept;
    void keep_for_evictor(const SessionPlace& victim) const noexcept;

    const SessionLimits& limits_;
    SessionPlace* const places_;
    const int count_;
    const int slot_count_;
};

/// A login that stays out of the session table (its client may set post_auth_delay) is ended then.
bool is_overdue(const SessionPlace& place, bool is_session, Timestamp now,
                int authentication_timeout) noexcept;

} // namespace sessionctl::core
