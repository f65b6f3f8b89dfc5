// A server with session limits: places, logins that wait, and short ways to say who logs in.
#pragma once

#include "core/admission/eviction.hpp"
#include "support.hpp"

#include <memory>
#include <vector>

namespace sessionctl::test {

using core::LimitedLogin;
using core::LimitPer;
using core::PlaceState;
using core::SessionLimit;
using core::Verdict;
using core::WhenFull;

constexpr int test_slots = 40;
constexpr std::uint32_t test_role = 100;
constexpr std::uint32_t test_database = 5;

inline LimitedLogin login_by(std::uint32_t role, const char* application = "web",
                             std::uint32_t database = test_database, core::Kind kind = core::Kind::client) {
    LimitedLogin login = {kind, role, database, {core::ClientHost::local(), {}}};
    login.origin.set_application(application);
    return login;
}

/// Of the whole server, unless its key is set.
inline SessionLimit limit_of(std::int32_t sessions, WhenFull when_full = WhenFull::refuse) {
    SessionLimit limit = {};
    limit.sessions = sessions;
    limit.when_full = when_full;
    limit.wait = when_full == WhenFull::wait ? 5000 : 0;
    limit.evict_idle_for = core::default_evict_idle_for;
    return limit;
}

inline SessionLimit limit_of_role(std::int32_t sessions, std::uint32_t role,
                                  WhenFull when_full = WhenFull::refuse) {
    SessionLimit limit = limit_of(sessions, when_full);
    limit.key.role = role;
    return limit;
}

class AdmissionServer : public testing::Test {
  protected:
    AdmissionServer() { remains_ = {true, true}; }

    int set(const SessionLimit& limit) {
        const int number = table_->number_for(limit.key);
        table_->set(number, limit, {});
        for (core::SessionPlace& place : memory_)
            if (place.counts())
                place.limits = limits_of(place.login);
        return number;
    }

    core::LimitSet limits_of(const LimitedLogin& login) const {
        return core::limits_of(table_->list, login,
                               [](std::uint32_t role, std::uint32_t of) { return role == of; });
    }

    /// A login that has its limits, but no verdict yet. Its slot is the first that is free.
    int enter(const LimitedLogin& login, bool is_superuser = false) {
        const int slot = next_slot_++;
        const int place = places_.take({1000 + slot, seconds(slot + 1)}, slot, now_);
        EXPECT_GE(place, 0);
        places_[place].login = login;
        places_[place].is_superuser = is_superuser;
        places_[place].limits = limits_of(login);
        return place;
    }

    int admitted(const LimitedLogin& login) {
        const int place = enter(login);
        admission_.admit(place, now_);
        return place;
    }

    Verdict decide(int place) const { return admission_.decide(place, now_); }
    Verdict::Answer answer(int place) const { return decide(place).answer; }

    /// It waits, for whatever its verdict says.
    int waiting(const LimitedLogin& login) {
        const int place = enter(login);
        const Verdict verdict = decide(place);
        EXPECT_NE(verdict.answer, Verdict::Answer::admit);
        EXPECT_TRUE(admission_.wait(place, verdict.limit, hold_));
        return place;
    }

    void end(int place) { admission_.end(place); }
    /// It is gone, and its process, too.
    void gone(int place) {
        end(place);
        remains_ = {false, false};
        give_back();
        remains_ = {true, true};
    }
    void give_back() {
        places_.give_back([](const core::SessionPlace&) { return remains_; }, now_);
    }

    std::vector<int> ready(bool ending_are_gone = false) const {
        std::vector<int> places;
        admission_.for_each_ready(ending_are_gone, [&](int place) { places.push_back(place); });
        return places;
    }

    core::EvictionCandidate idle(int place, core::Timestamp idle_for) const {
        return {place, places_[place].id, true, false, false, idle_for};
    }

    static inline core::Remains remains_ = {true, true};

    core::Timestamp now_ = seconds(1000);
    int next_slot_ = 0;
    std::unique_ptr<core::SessionLimitTable> table_{new core::SessionLimitTable()};
    std::vector<core::SessionPlace> memory_ = std::vector<core::SessionPlace>(2 * test_slots);
    std::unique_ptr<core::WaitingLogins> waiting_{new core::WaitingLogins()};
    core::HoldPlaces hold_ = {20, 0};
    core::SessionPlaces places_{table_->list, memory_.data(), 2 * test_slots, test_slots};
    core::LoginAdmission admission_{places_, *waiting_};
};

} // namespace sessionctl::test
