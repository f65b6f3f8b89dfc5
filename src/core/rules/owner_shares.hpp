// Which owners' rules take more than their share of the time in which rules are checked.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/session.hpp"

#include <cstdint>

namespace sessionctl::core {

/// Each owner may use a fifth of the time, and a fifth of a second at once. Whoever is over that comes after
/// all others until he is not. Its memory lasts.
class OwnerShares {
  public:
    void used(std::uint32_t owner, Timestamp took, Timestamp now);
    bool are_used_up(std::uint32_t owner, Timestamp now) const noexcept;

  private:
    struct Use {
        std::uint32_t owner;
        Timestamp paid_at; // when the time that he took is made up for
    };

    vector<Use> uses_;
};

} // namespace sessionctl::core
