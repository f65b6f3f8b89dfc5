#include "core/admission/limited_login.hpp"

#include <cstring>
#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<LimitedLogin> && std::is_trivial_v<LimitSet>, "they live in shared memory");

namespace {

/// Of the limits before this number, has one the same role? Then the answer is known.
int earlier_with_role(const SessionLimits& limits, const LimitSet& asked, int number) noexcept {
    for (int each = asked.next(0); each >= 0 && each < number; each = asked.next(each + 1))
        if (limits[each].key.role == limits[number].key.role)
            return each;
    return -1;
}

} // namespace

bool may_concern(const LimitKey& key, const LimitedLogin& login) noexcept {
    if (!login.is_limited())
        return false;
    if (login.kind == Kind::database_walsender && key.role == 0 && key.database == 0)
        return false;
    return (key.database == 0 || key.database == login.database) && key.client.contains(login.origin.host) &&
           (!key.has_application || std::strcmp(key.application, login.origin.application) == 0);
}

LimitSet limits_of(const SessionLimits& limits, const LimitedLogin& login,
                   bool (*is_member)(std::uint32_t role, std::uint32_t of)) {
    LimitSet found = {};
    LimitSet asked = {};
    for (int number = limits.numbers.next(0); number >= 0; number = limits.numbers.next(number + 1)) {
        const LimitKey& key = limits[number].key;
        if (!may_concern(key, login))
            continue;
        bool is_its = key.role == 0;
        if (!is_its) {
            const int earlier = earlier_with_role(limits, asked, number);
            is_its = earlier >= 0 ? found.has(earlier) : is_member(login.role, key.role);
            asked.add(number);
        }
        if (is_its)
            found.add(number);
    }
    return found;
}

bool counts_together(LimitPer per, const LimitedLogin& one, const LimitedLogin& other) noexcept {
    switch (per) {
    case LimitPer::none:
        return true;
    case LimitPer::role:
        return one.role == other.role;
    case LimitPer::database:
        return one.database == other.database;
    case LimitPer::application:
        return std::strcmp(one.origin.application, other.origin.application) == 0;
    case LimitPer::client:
        return one.origin.host == other.origin.host;
    }
    return true;
}

bool are_alike(const SessionLimits& limits, const LimitSet& numbers, const LimitedLogin& one,
               const LimitSet& other_numbers, const LimitedLogin& other) noexcept {
    if (!(numbers == other_numbers))
        return false;
    for (int number = numbers.next(0); number >= 0; number = numbers.next(number + 1))
        if (!counts_together(limits[number].key.per, one, other))
            return false;
    return true;
}

} // namespace sessionctl::core
