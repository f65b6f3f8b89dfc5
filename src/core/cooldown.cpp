#include "core/cooldown.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

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

const Cooldown* CooldownTable::find(const LoginKey& login, Timestamp now) const noexcept {
    const auto* const found = std::find_if(std::begin(places), std::end(places), [&](const Cooldown& each) {
        return each.is_running_at(now) && each.login == login;
    });
    return found != std::end(places) ? found : nullptr;
}

Cooldown& CooldownTable::place_for(const LoginKey& login, Timestamp now) noexcept {
    enum Rank { own, over, running };
    const auto rank = [&](const Cooldown& each) {
        return each.until != 0 && each.login == login ? own : each.is_running_at(now) ? running : over;
    };
    return *std::min_element(
        std::begin(places), std::end(places), [&rank](const Cooldown& a, const Cooldown& b) {
            return rank(a) != rank(b) ? rank(a) < rank(b) : rank(a) == running && a.since < b.since;
        });
}

std::int64_t seconds_left(const Cooldown& cooldown, Timestamp now) noexcept {
    const Timestamp left = std::max<Timestamp>(cooldown.until - now, 0);
    return (left + microseconds_per_second - 1) / microseconds_per_second;
}

} // namespace sessionctl::core
