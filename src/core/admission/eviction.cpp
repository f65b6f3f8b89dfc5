#include "core/admission/eviction.hpp"

namespace sessionctl::core {

namespace {

bool may_be_evicted(const SessionPlace& place, const EvictionCandidate& candidate) noexcept {
    return place.state == PlaceState::admitted && place.id == candidate.id && !place.is_evicted() &&
           candidate.is_idle && !candidate.is_spared && !candidate.keeps_state;
}

bool is_idle_enough(const SessionLimit& limit, const EvictionCandidate& candidate) noexcept {
    return candidate.idle_for >= limit.evict_idle_for * microseconds_per_millisecond;
}

class VictimChoice {
  public:
    VictimChoice(const SessionPlaces& places, int login, const Shortage& shortage, Timestamp now) noexcept
        : places_(places), login_(places[login]), now_(now), left_(shortage) {}

    Victims choose(const EvictionCandidate* candidates, int count) noexcept {
        Victims victims = {};
        while (!left_.limits.is_empty()) {
            const int victim = victims.count < most_victims ? best(candidates, count, victims) : -1;
            if (victim < 0)
                return {};
            victims.places[victims.count++] = victim;
            settle(places_[victim]);
        }
        return victims;
    }

  private:
    int best(const EvictionCandidate* candidates, int count, const Victims& chosen) const noexcept {
        const EvictionCandidate* found = nullptr;
        int most = 0;
        for (const EvictionCandidate* each = candidates; each != candidates + count; ++each) {
            const int gain = is_chosen(chosen, each->place) ? 0 : gain_by(*each);
            if (gain == 0 || gain < most ||
                (found != nullptr && gain == most && each->idle_for <= found->idle_for))
                continue;
            found = each;
            most = gain;
        }
        return found != nullptr ? found->place : -1;
    }

    static bool is_chosen(const Victims& chosen, int place) noexcept {
        for (int i = 0; i < chosen.count; ++i)
            if (chosen.places[i] == place)
                return true;
        return false;
    }

    /// In how many of the limits it would make room.
    int gain_by(const EvictionCandidate& candidate) const noexcept {
        const SessionPlace& place = places_[candidate.place];
        int gain = 0;
        if (!may_be_evicted(place, candidate) || has_just_displaced(place))
            return gain;
        for_each_shared(place, [&](int number) { gain += is_idle_enough(limit(number), candidate); });
        return gain;
    }

    bool has_just_displaced(const SessionPlace& place) const noexcept {
        return place.has_evicted_others && now_ - place.since < settled_after &&
               !are_alike(places_.limits(), place.limits, place.login, login_.limits, login_.login);
    }

    /// Of the limits that the login is short of, those that count this one with it.
    template <typename Visit>
    void for_each_shared(const SessionPlace& place, Visit&& visit) const {
        (place.limits & left_.limits).for_each([&](int number) {
            if (counts_together(limit(number).key.per, place.login, login_.login))
                visit(number);
        });
    }

    void settle(const SessionPlace& victim) noexcept {
        LimitSet settled = {};
        for_each_shared(victim, [&](int number) {
            if (--left_.missing[number] == 0)
                settled.add(number);
        });
        settled.for_each([this](int number) { left_.limits.remove(number); });
    }

    const SessionLimit& limit(int number) const noexcept { return places_.limits()[number]; }

    const SessionPlaces& places_;
    const SessionPlace& login_;
    const Timestamp now_;
    Shortage left_;
};

/// How many the limit counts with this one, without those that are about to be ended.
int remaining(const SessionPlaces& places, int limit, const LimitedLogin& login) noexcept {
    const LimitPer per = places.limits()[limit].key.per;
    int count = 0;
    for (int i = 0; i < places.count(); ++i)
        count += places[i].counts() && !places[i].is_evicted() && places[i].limits.has(limit) &&
                 counts_together(per, places[i].login, login);
    return count;
}

template <typename Check>
int longest_idle(const SessionPlaces& places, const EvictionCandidate* candidates, int count,
                 Check&& check) noexcept {
    const EvictionCandidate* found = nullptr;
    for (const EvictionCandidate* each = candidates; each != candidates + count; ++each)
        if ((found == nullptr || each->idle_for > found->idle_for) &&
            may_be_evicted(places[each->place], *each) && check(*each))
            found = each;
    return found != nullptr ? found->place : -1;
}

} // namespace

Victims choose_victims(const SessionPlaces& places, int login, const Shortage& shortage,
                       const EvictionCandidate* candidates, int count, Timestamp now) noexcept {
    return VictimChoice(places, login, shortage, now).choose(candidates, count);
}

int choose_excess(const SessionPlaces& places, int limit, const EvictionCandidate* candidates,
                  int count) noexcept {
    const SessionLimit& lowered = places.limits()[limit];
    return longest_idle(places, candidates, count, [&](const EvictionCandidate& each) {
        const SessionPlace& place = places[each.place];
        return place.limits.has(limit) && is_idle_enough(lowered, each) &&
               remaining(places, limit, place.login) > lowered.sessions;
    });
}

int choose_longest_idle(const SessionPlaces& places, const EvictionCandidate* candidates, int count,
                        Timestamp idle_for) noexcept {
    return longest_idle(places, candidates, count,
                        [=](const EvictionCandidate& each) { return each.idle_for >= idle_for; });
}

} // namespace sessionctl::core
