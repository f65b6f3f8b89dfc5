// May this login come in? All its limits have to have room, and of those that wait the oldest that could come
// in goes first. As with the places: under the count lock, no allocation, no error.
#pragma once

#include "core/admission/session_places.hpp"

namespace sessionctl::core {

/// The places of the logins that wait, the oldest first. Plain data in shared memory.
struct WaitingLogins {
    static constexpr int capacity = 1024;

    std::int32_t count;
    std::int32_t places[capacity];

    /// False where there is no room.
    bool add(int place) noexcept;
    void remove(int place) noexcept;
};

/// Why a login is refused by a full limit now, and not before.
enum class RefusedBecause : std::uint8_t { full, waited, nobody_to_evict, too_many_wait };

/// What a login has to do.
struct Verdict {
    /// From the weakest to the strongest: of several full limits the strongest answer counts.
    enum class Answer : std::uint8_t {
        admit,
        evict, // somebody; where nobody may be evicted: refuse
        wait,  // for somebody to leave
        refuse
    };

    Answer answer;
    RefusedBecause because; // where it refuses
    std::int32_t limit;     // the full one that decides; -1: none is full
    std::int32_t connected; // that it counts
};

/// How long a login waits for sessions that are ending, whatever the limit says: a client that closes a
/// connection and opens the next is not too many.
constexpr Timestamp longest_wait_for_end = microseconds_per_second;
/// And for those that were evicted for it.
constexpr Timestamp longest_wait_for_evicted = 5 * microseconds_per_second;

/// The logins that may be kept waiting at once, for whatever reason: each has a slot of the server.
struct HoldPlaces {
    std::int32_t all;
    std::int32_t held_elsewhere; // of them, by the gate

    /// No limit has more.
    std::int32_t of_one_limit() const noexcept { return all > 1 ? all / 2 : 1; }
};

/// What a login lacks before it can come in: in each of these limits so many places.
struct Shortage {
    LimitSet limits;
    std::int32_t missing[SessionLimits::capacity];
};

class LoginAdmission {
  public:
    LoginAdmission(const SessionPlaces& places, WaitingLogins& waiting) noexcept
        : places_(places), waiting_(waiting) {}

    /// The limits that count the login have been set in its place. A superuser is always admitted; `limit`
    /// tells which one is full.
    Verdict decide(int place, Timestamp now) const noexcept;

    void admit(int place, Timestamp now) noexcept;
    /// It waits for room in this limit.
    bool wait(int place, int limit, const HoldPlaces& hold_places) noexcept;
    /// It waits for its turn by this limit's login_rate; -1: for a free slot.
    bool hold(int place, int limit, const HoldPlaces& hold_places) noexcept;
    /// It is refused, or has gone away.
    void leave(int place) noexcept;
    /// Its process exits: to be called before the session takes anything down. What was admitted still
    /// counts.
    void end(int place) noexcept;

    /// Calls `wake` with the place of each waiting login that can come in by now; where `ending_are_gone`, or
    /// could if all that are ending were gone: it has to look again and again until they are.
    template <typename Wake>
    void for_each_ready(bool ending_are_gone, Wake&& wake) const {
        Grants grants = {};
        grant(ending_are_gone, grants);
        for (int i = 0; i < waiting_.count; ++i)
            if (grants.is_granted[i])
                wake(waiting_.places[i]);
    }

    /// The login waits, its verdict is to evict, and nothing else would keep it out.
    void ask_for_victims(int place) noexcept { places_[place].asks_for_victims = true; }
    /// Calls `visit` with the place of each login that has asked for victims and still lacks some, the oldest
    /// first. It must not change who waits.
    template <typename Visit>
    void for_each_evicting(Timestamp now, Visit&& visit) const {
        for (int i = 0; i < waiting_.count; ++i) {
            const int place = waiting_.places[i];
            if (places_[place].asks_for_victims && decide(place, now).answer == Verdict::Answer::evict)
                visit(place);
        }
    }
    /// Beyond those for which it waits already.
    Shortage shortage_of(int place, Timestamp now) const noexcept;
    /// The login, which waits, makes this one end: for it alone, and the place is kept for it.
    void evict(int place, int victim) noexcept;
    /// Nobody may be evicted for it.
    void find_no_victim(int place) noexcept { places_[place].finds_no_victim = true; }
    /// It did not end: it was not idle any more.
    void spare(int victim) noexcept;

    /// Those that are kept waiting for this limit.
    int waiting_for(int limit) const noexcept;

  private:
    /// Waiting logins that come in before others.
    struct Grants {
        bool is_granted[WaitingLogins::capacity];
    };
    /// For each limit of a login, how many it counts together with it; and of these, how many leave to its
    /// advantage.
    struct Usage {
        std::int32_t used[SessionLimits::capacity];
        std::int32_t leaving[SessionLimits::capacity];
    };

    /// Those that end leave, too, where the login waits `for_ending`, and not only for those that it evicts.
    void count(int place, bool for_ending, const Grants& grants, Usage& usage) const noexcept;
    /// The same, with those that come in before it.
    void count_at(int place, Timestamp now, Usage& usage) const noexcept;
    bool has_room(int place, const Grants& grants, bool ending_are_gone) const noexcept;
    void grant(bool ending_are_gone, Grants& grants) const noexcept;
    int older_waiting_with(int place, int limit) const noexcept;
    int first_full(int place, const Usage& usage) const noexcept;
    Verdict answer_of(int place, int limit, const Usage& usage, Timestamp now) const noexcept;
    Verdict verdict_when_full(int place, const Usage& usage, Timestamp now) const noexcept;
    bool has_hold_place(int place, int limit, const HoldPlaces& hold_places) const noexcept;
    void stop_waiting(int place) noexcept;

    const SessionPlaces& places_;
    WaitingLogins& waiting_;
};

} // namespace sessionctl::core
