#include "core/admission/session_limit_table.hpp"

#include "core/error.hpp"

#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<SessionLimitTable> && sizeof(SessionLimit) <= 128,
              "they live in shared memory, and each login reads the limits");

int SessionLimits::find(const LimitKey& key) const noexcept {
    for (int number = numbers.next(0); number >= 0; number = numbers.next(number + 1))
        if (limits[number].key == key)
            return number;
    return -1;
}

int SessionLimitTable::number_for(const LimitKey& key) const {
    const int own = find(key);
    if (own >= 0)
        return own;
    for (int number = 0; number < SessionLimits::capacity; ++number)
        if (!list.numbers.has(number))
            return number;
    throw Error(sqlstate::program_limit_exceeded, "there can be at most %d session limits",
                SessionLimits::capacity)
        .hint("Remove those that are not needed, or let one with per stand for several.");
}

void SessionLimitTable::set(int number, const SessionLimit& limit, const LimitAccount& account) noexcept {
    list.limits[number] = limit;
    list.numbers.add(number);
    accounts[number] = account;
    ++list.version;
}

void SessionLimitTable::remove(int number) noexcept {
    list.numbers.remove(number);
    ++list.version;
}

} // namespace sessionctl::core
