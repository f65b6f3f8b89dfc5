#include "core/admission/session_places.hpp"

#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<SessionPlace> && sizeof(SessionPlace) <= 256,
              "it lives in shared memory, and each login reads all of them");

int SessionPlaces::free_place(int slot) const noexcept {
    SessionPlace& own = places_[slot];
    if (own.state == PlaceState::free)
        return slot;
    // The slot is another's by now: whoever had it before has left it.
    own.state = PlaceState::ending;
    for (int place = slot_count_; place < count_; ++place)
        if (places_[place].state == PlaceState::free)
            return place;
    return -1;
}

int SessionPlaces::take(const Identity& login, int slot, Timestamp now) const noexcept {
    if (slot < 0 || slot >= slot_count_)
        return -1;
    const int place = free_place(slot);
    if (place < 0)
        return -1;
    places_[place] = {};
    places_[place].state = PlaceState::entered;
    places_[place].id = login;
    places_[place].slot = slot;
    places_[place].evictor = no_evictor;
    places_[place].waits_for = -1;
    places_[place].since = now;
    return place;
}

bool SessionPlaces::is_gone(SessionPlace& place, const Remains& remains, Timestamp now) const noexcept {
    if (remains.has_entry)
        return false;
    if (place.left_at == 0)
        place.left_at = now;
    return !remains.has_process || now - place.left_at >= longest_exit;
}

void SessionPlaces::keep_for_evictor(const SessionPlace& victim) const noexcept {
    if (victim.evictor < 0)
        return;
    SessionPlace& login = places_[victim.evictor];
    (victim.limits & login.limits).for_each([&](int number) {
        if (counts_together(limits_[number].key.per, victim.login, login.login))
            login.owned.add(number);
    });
}

void SessionPlaces::give_back(Remains (*remains_of)(const SessionPlace& ending),
                              Timestamp now) const noexcept {
    for (int i = 0; i < count_; ++i) {
        SessionPlace& place = places_[i];
        if (place.state != PlaceState::ending || !is_gone(place, remains_of(place), now))
            continue;
        keep_for_evictor(place);
        place.state = PlaceState::free;
    }
}

int SessionPlaces::connected(int limit, const LimitedLogin& login) const noexcept {
    int count = 0;
    for (int i = 0; i < count_; ++i)
        count += places_[i].counts() && places_[i].limits.has(limit) &&
                 counts_together(limits_[limit].key.per, places_[i].login, login);
    return count;
}

int SessionPlaces::connected(int limit) const noexcept {
    int count = 0;
    for (int i = 0; i < count_; ++i)
        count += places_[i].counts() && places_[i].limits.has(limit);
    return count;
}

int SessionPlaces::admitted() const noexcept {
    int count = 0;
    for (int i = 0; i < count_; ++i)
        count += places_[i].counts() && places_[i].login.is_limited();
    return count;
}

bool is_overdue(const SessionPlace& place, bool is_session, Timestamp now,
                int authentication_timeout) noexcept {
    return place.state == PlaceState::admitted && !is_session &&
           now - place.since > authentication_timeout * microseconds_per_second;
}

} // namespace sessionctl::core
