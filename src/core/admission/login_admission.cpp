#include "core/admission/login_admission.hpp"

#include <algorithm>
#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<WaitingLogins>, "it lives in shared memory");

bool WaitingLogins::add(int place) noexcept {
    if (count == capacity)
        return false;
    places[count++] = place;
    return true;
}

void WaitingLogins::remove(int place) noexcept {
    count = static_cast<std::int32_t>(std::remove(places, places + count, place) - places);
}

namespace {

/// Waiting logins that are alike wait for the same: where one has no room, nor have the others. There are few
/// kinds of them at once.
class Kinds {
  public:
    explicit Kinds(const SessionLimits& limits) noexcept : limits_(limits) {}

    bool has(const SessionPlace& login) const noexcept {
        return std::any_of(kinds_, kinds_ + count_, [&](const SessionPlace* kind) {
            return are_alike(limits_, kind->limits, kind->login, login.limits, login.login);
        });
    }
    void add(const SessionPlace& login) noexcept {
        if (count_ < most)
            kinds_[count_++] = &login;
    }

  private:
    static constexpr int most = 8;

    const SessionLimits& limits_;
    const SessionPlace* kinds_[most] = {};
    int count_ = 0;
};

} // namespace

void LoginAdmission::count(int place, bool for_ending, const Grants& grants, Usage& usage) const noexcept {
    const SessionPlace& own = places_[place];
    usage = {};
    const auto add = [&](const SessionPlace& each, const LimitSet& limits) {
        const bool is_for_all = each.state == PlaceState::ending && each.evictor < 0;
        const bool leaves = each.evictor == place || (for_ending && is_for_all);
        (limits & own.limits).for_each([&](int number) {
            if (!counts_together(places_.limits()[number].key.per, each.login, own.login))
                return;
            ++usage.used[number];
            usage.leaving[number] += leaves;
        });
    };
    for (int i = 0; i < places_.count(); ++i)
        if (places_[i].counts())
            add(places_[i], places_[i].limits);
    for (int i = 0; i < waiting_.count; ++i) {
        const SessionPlace& each = places_[waiting_.places[i]];
        if (&each != &own)
            add(each, grants.is_granted[i] ? each.limits : each.owned);
    }
}

void LoginAdmission::count_at(int place, Timestamp now, Usage& usage) const noexcept {
    const bool for_ending = now - places_[place].since < longest_wait_for_end;
    Grants grants = {};
    count(place, for_ending, grants, usage);
    if (first_full(place, usage) >= 0 || waiting_.count == 0)
        return;
    grant(false, grants);
    count(place, for_ending, grants, usage);
}

int LoginAdmission::first_full(int place, const Usage& usage) const noexcept {
    const LimitSet& limits = places_[place].limits;
    for (int number = limits.next(0); number >= 0; number = limits.next(number + 1))
        if (usage.used[number] >= places_.limits()[number].sessions)
            return number;
    return -1;
}

bool LoginAdmission::has_room(int place, const Grants& grants, bool ending_are_gone) const noexcept {
    Usage usage;
    count(place, true, grants, usage);
    if (ending_are_gone)
        for (int number = 0; number < SessionLimits::capacity; ++number)
            usage.used[number] -= usage.leaving[number];
    return first_full(place, usage) < 0;
}

/// In the order in which they came, those that have room once the ones before them are in. A login that still
/// lacks something takes nothing from those behind it.
void LoginAdmission::grant(bool ending_are_gone, Grants& grants) const noexcept {
    Kinds without_room(places_.limits());
    for (int i = 0; i < waiting_.count; ++i) {
        const SessionPlace& login = places_[waiting_.places[i]];
        if (login.owned.is_empty() && without_room.has(login))
            continue;
        grants.is_granted[i] = has_room(waiting_.places[i], grants, ending_are_gone);
        if (!grants.is_granted[i])
            without_room.add(login);
    }
}

/// Those that came before it and will have the next places.
int LoginAdmission::older_waiting_with(int place, int limit) const noexcept {
    const LimitPer per = places_.limits()[limit].key.per;
    int count = 0;
    for (int i = 0; i < waiting_.count && waiting_.places[i] != place; ++i) {
        const SessionPlace& each = places_[waiting_.places[i]];
        count += each.limits.has(limit) && counts_together(per, each.login, places_[place].login);
    }
    return count;
}

/// What is to be done about one full limit.
Verdict LoginAdmission::answer_of(int place, int limit, const Usage& usage, Timestamp now) const noexcept {
    const SessionPlace& login = places_[place];
    const SessionLimit& full = places_.limits()[limit];
    const Timestamp waited = now - login.since;
    const auto verdict = [&](Verdict::Answer answer, RefusedBecause because = RefusedBecause::full) {
        return Verdict{answer, because, limit, usage.used[limit]};
    };
    if (login.login.kind == Kind::database_walsender)
        // Its client tries again by itself, and from 12 on it has one of the walsenders' slots.
        return verdict(Verdict::Answer::refuse);
    // Where logins do not wait otherwise, only those wait for whom there will be a place.
    const int ahead = full.when_full == WhenFull::refuse ? older_waiting_with(place, limit) : 0;
    if (usage.used[limit] - usage.leaving[limit] + ahead < full.sessions && waited < longest_wait_for_evicted)
        return verdict(Verdict::Answer::wait);
    if (full.when_full == WhenFull::wait)
        return waited < full.wait * microseconds_per_millisecond
                   ? verdict(Verdict::Answer::wait)
                   : verdict(Verdict::Answer::refuse, RefusedBecause::waited);
    if (full.when_full == WhenFull::refuse || full.sessions == 0)
        return verdict(Verdict::Answer::refuse);
    return login.finds_no_victim || waited >= longest_wait_for_evicted
               ? verdict(Verdict::Answer::refuse, RefusedBecause::nobody_to_evict)
               : verdict(Verdict::Answer::evict);
}

/// The strongest answer of a full limit; nobody is evicted for a login that another limit refuses or lets
/// wait.
Verdict LoginAdmission::verdict_when_full(int place, const Usage& usage, Timestamp now) const noexcept {
    Verdict strongest = {Verdict::Answer::admit, RefusedBecause::full, -1, 0};
    places_[place].limits.for_each([&](int number) {
        if (usage.used[number] < places_.limits()[number].sessions)
            return;
        const Verdict verdict = answer_of(place, number, usage, now);
        if (verdict.answer > strongest.answer)
            strongest = verdict;
    });
    return strongest;
}

Verdict LoginAdmission::decide(int place, Timestamp now) const noexcept {
    Usage usage;
    count_at(place, now, usage);
    const int full = first_full(place, usage);
    if (full < 0 || places_[place].is_superuser)
        return {Verdict::Answer::admit, RefusedBecause::full, full, full < 0 ? 0 : usage.used[full]};
    return verdict_when_full(place, usage, now);
}

void LoginAdmission::stop_waiting(int place) noexcept {
    if (places_[place].state != PlaceState::waiting)
        return;
    waiting_.remove(place);
    places_[place].owned = {};
    for (int i = 0; i < places_.count(); ++i)
        if (places_[i].evictor == place)
            places_[i].evictor = no_evictor;
}

void LoginAdmission::admit(int place, Timestamp now) noexcept {
    stop_waiting(place);
    SessionPlace& login = places_[place];
    login.state = PlaceState::admitted;
    login.since = now;
}

/// A login that is kept waiting has a place already, for whatever it waits.
bool LoginAdmission::has_hold_place(int place, int limit, const HoldPlaces& hold_places) const noexcept {
    int all = hold_places.held_elsewhere;
    int for_limit = 0;
    for (int i = 0; i < places_.count(); ++i) {
        const bool is_other = i != place && places_[i].is_kept_waiting();
        all += is_other;
        for_limit += is_other && places_[i].waits_for == limit;
    }
    return all < hold_places.all && for_limit < hold_places.of_one_limit();
}

bool LoginAdmission::wait(int place, int limit, const HoldPlaces& hold_places) noexcept {
    SessionPlace& login = places_[place];
    if (!has_hold_place(place, limit, hold_places) ||
        (login.state != PlaceState::waiting && !waiting_.add(place)))
        return false;
    login.state = PlaceState::waiting;
    login.waits_for = limit;
    return true;
}

bool LoginAdmission::hold(int place, int limit, const HoldPlaces& hold_places) noexcept {
    if (!has_hold_place(place, limit, hold_places))
        return false;
    stop_waiting(place);
    places_[place].state = PlaceState::held;
    places_[place].waits_for = limit;
    return true;
}

void LoginAdmission::leave(int place) noexcept {
    stop_waiting(place);
    places_[place].state = PlaceState::free;
}

void LoginAdmission::end(int place) noexcept {
    if (places_[place].counts())
        places_[place].state = PlaceState::ending;
    else
        leave(place);
}

Shortage LoginAdmission::shortage_of(int place, Timestamp now) const noexcept {
    Usage usage;
    count_at(place, now, usage);
    Shortage shortage = {};
    places_[place].limits.for_each([&](int number) {
        const int left = usage.used[number] - usage.leaving[number];
        shortage.missing[number] = std::max(left - places_.limits()[number].sessions + 1, 0);
        if (shortage.missing[number] > 0)
            shortage.limits.add(number);
    });
    return shortage;
}

void LoginAdmission::evict(int place, int victim) noexcept {
    SessionPlace& login = places_[place];
    const SessionPlace& other = places_[victim];
    places_[victim].evictor = place;
    login.has_evicted_others |=
        !are_alike(places_.limits(), login.limits, login.login, other.limits, other.login);
}

void LoginAdmission::spare(int victim) noexcept {
    places_[victim].evictor = no_evictor;
}

int LoginAdmission::waiting_for(int limit) const noexcept {
    int count = 0;
    for (int i = 0; i < places_.count(); ++i)
        count += places_[i].is_kept_waiting() && places_[i].waits_for == limit;
    return count;
}

} // namespace sessionctl::core
