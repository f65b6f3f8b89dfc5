#include "core/rules/owner_shares.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr Timestamp part = 5; // of the time, each has one of so many
constexpr Timestamp at_once = 200 * microseconds_per_millisecond;

} // namespace

void OwnerShares::used(std::uint32_t owner, Timestamp took, Timestamp now) {
    uses_.erase(
        std::remove_if(uses_.begin(), uses_.end(), [now](const Use& use) { return use.paid_at <= now; }),
        uses_.end());
    const auto found =
        std::find_if(uses_.begin(), uses_.end(), [owner](const Use& use) { return use.owner == owner; });
    Use& use = found != uses_.end() ? *found : uses_.emplace_back(Use{owner, now});
    use.paid_at += part * took;
}

bool OwnerShares::are_used_up(std::uint32_t owner, Timestamp now) const noexcept {
    return std::any_of(uses_.begin(), uses_.end(), [=](const Use& use) {
        return use.owner == owner && use.paid_at - now > part * at_once;
    });
}

} // namespace sessionctl::core
