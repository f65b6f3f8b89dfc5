#include "core/admission/slots.hpp"

#include <algorithm>

namespace sessionctl::core {

bool may_take_slot(const SlotSettings& settings, int free, const SlotRight& right) noexcept {
    if (settings.reserved_slots == 0 || right.is_superuser || right.is_reserved_for ||
        right.may_use_core_reserve)
        return true;
    return free >= settings.core_reserved + settings.reserved_slots;
}

int sessions_to_end(const SlotSettings& settings, int admitted) noexcept {
    if (settings.free_slots == 0)
        return 0;
    const int ordinary = settings.max_connections - settings.core_reserved - settings.reserved_slots;
    const int missing = settings.free_slots - (ordinary - admitted);
    return std::clamp(missing, 0, admitted);
}

} // namespace sessionctl::core
