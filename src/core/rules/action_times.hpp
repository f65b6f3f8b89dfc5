// When a rule acted: no more than at_most times within at_most_within, over any such stretch of time.
#pragma once

#include "core/sessions/session.hpp"

#include <cstdint>

namespace sessionctl::core {

/// Plain old data for shared memory: it survives the worker and changes of the rule. Kept by the rule's name,
/// also after a drop, so that a rule made anew does not act more often. The times are the monotonic clock's.
struct ActionTimes {
    static constexpr std::int32_t most = 100;

    Timestamp known_since;     // what was done before is not known
    std::int32_t next;         // the place of the next one, which has the oldest
    Timestamp times[most + 1]; // INT64_MIN: none. One more than is counted: the last may be taken back

    /// Nothing is known of the time before `since`: within that reach the rule may not act at all. INT64_MIN:
    /// it did not act before.
    void begin(Timestamp since) noexcept;
    /// How often it may act now.
    std::int32_t room(std::int32_t at_most, Timestamp within, Timestamp now) const noexcept;
    /// Before it acts, so that nothing that ends the worker loses it.
    void add(Timestamp now) noexcept;
    /// The one just added did not happen.
    void take_back() noexcept;
    /// Those after `since` were none.
    void forget_after(Timestamp since) noexcept;
    /// When it acted last; INT64_MIN: never.
    Timestamp last() const noexcept;
};

} // namespace sessionctl::core
