#include "core/keep_out/cooldown.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <tuple>

namespace sessionctl::core {

ClientHost ClientHost::ipv4(const unsigned char* bytes) noexcept {
    ClientHost host = {Family::ipv4, {}};
    std::memcpy(host.address, bytes, 4);
    return host;
}

ClientHost ClientHost::ipv6(const unsigned char* bytes) noexcept {
    constexpr unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (std::memcmp(bytes, mapped, sizeof mapped) == 0)
        return ipv4(bytes + sizeof mapped);
    ClientHost host = {Family::ipv6, {}};
    std::memcpy(host.address, bytes, sizeof host.address);
    return host;
}

bool ClientHost::operator==(const ClientHost& other) const noexcept {
    return family == other.family && std::memcmp(address, other.address, sizeof address) == 0;
}

void Origin::set_application(const char* name) noexcept {
    std::snprintf(application, sizeof application, "%s", name);
    for (char* byte = application; *byte != '\0'; ++byte)
        if (static_cast<unsigned char>(*byte) < ' ' || static_cast<unsigned char>(*byte) > '~')
            *byte = '?';
}

bool Origin::operator==(const Origin& other) const noexcept {
    return host == other.host && std::strcmp(application, other.application) == 0;
}

namespace {

/// The running cooldowns of a full table, by their setters' shares.
class Shares {
  public:
    Shares(Cooldown (&places)[CooldownTable::capacity], const CooldownSetter& new_setter,
           Timestamp now) noexcept
        : places_(places), new_setter_(new_setter), now_(now) {}

    /// The oldest cooldown of the largest share.
    Cooldown& first_of_largest() const noexcept {
        return *std::min_element(
            std::begin(places_), std::end(places_), [this](const Cooldown& a, const Cooldown& b) {
                return std::make_tuple(!a.is_running_at(now_), -size_of(a.setter), !is_of_new_setter(a),
                                       a.since) < std::make_tuple(!b.is_running_at(now_), -size_of(b.setter),
                                                                  !is_of_new_setter(b), b.since);
            });
    }

  private:
    /// All superusers are one share.
    static bool is_one_share(const CooldownSetter& a, const CooldownSetter& b) noexcept {
        return a == b || (a.is_superuser && b.is_superuser);
    }

    bool is_of_new_setter(const Cooldown& each) const noexcept {
        return is_one_share(each.setter, new_setter_);
    }

    /// The new cooldown counts, too.
    int size_of(const CooldownSetter& setter) const noexcept {
        const auto is_its = [&](const Cooldown& each) {
            return each.is_running_at(now_) && is_one_share(each.setter, setter);
        };
        const auto size = static_cast<int>(std::count_if(std::begin(places_), std::end(places_), is_its)) +
                          is_one_share(setter, new_setter_);
        return setter.is_superuser ? std::max(size - CooldownTable::reserved, 0) : size;
    }

    Cooldown (&places_)[CooldownTable::capacity];
    const CooldownSetter& new_setter_;
    const Timestamp now_;
};

} // namespace

const Cooldown* CooldownTable::find(const LoginKey& login, Timestamp now) const noexcept {
    const Cooldown* longest = nullptr;
    for (const Cooldown& each : places)
        if (each.is_running_at(now) && each.login == login &&
            (longest == nullptr || each.until > longest->until))
            longest = &each;
    return longest;
}

Cooldown& CooldownTable::place_for(const LoginKey& login, const CooldownSetter& setter,
                                   Timestamp now) noexcept {
    const auto is_own = [&](const Cooldown& each) {
        return each.is_running_at(now) && each.is_of(login, setter);
    };
    const auto own = std::find_if(std::begin(places), std::end(places), is_own);
    if (own != std::end(places))
        return *own;
    const auto is_over = [now](const Cooldown& each) { return !each.is_running_at(now); };
    const auto free = std::find_if(std::begin(places), std::end(places), is_over);
    const auto ordinary = std::count_if(std::begin(places), std::end(places), [now](const Cooldown& each) {
        return each.is_running_at(now) && !each.setter.is_superuser;
    });
    if (free != std::end(places) && (setter.is_superuser || ordinary < capacity - reserved))
        return *free;
    return Shares(places, setter, now).first_of_largest();
}

std::int64_t seconds_left(const Cooldown& cooldown, Timestamp now) noexcept {
    const Timestamp left = std::max<Timestamp>(cooldown.until - now, 0);
    return (left + microseconds_per_second - 1) / microseconds_per_second;
}

} // namespace sessionctl::core
