#include "core/admission/login_buckets.hpp"

#include <algorithm>
#include <iterator>
#include <type_traits>

namespace sessionctl::core {

static_assert(std::is_trivial_v<LoginBuckets>, "it lives in shared memory");

namespace {

template <typename Visit>
void for_each_rate(const SessionLimits& limits, const LimitSet& numbers, Visit&& visit) {
    numbers.for_each([&](int number) {
        if (limits[number].login_rate.is_bound())
            visit(number, limits[number].login_rate);
    });
}

} // namespace

LoginBuckets::Entry* LoginBuckets::find(const SessionLimits& limits, int limit,
                                        const LimitedLogin& login) noexcept {
    const auto is_its = [&](const Entry& each) {
        return each.limit == limit && counts_together(limits[limit].key.per, each.login, login);
    };
    Entry* const found = std::find_if(std::begin(entries), std::end(entries), is_its);
    return found != std::end(entries) ? found : nullptr;
}

/// A full bucket is as good as a new one. Where all are in use, the one goes that would be full first:
/// somebody may log in more often than allowed, but nobody is kept out by others' values.
LoginBuckets::Entry& LoginBuckets::entry_for(const SessionLimits& limits, int limit,
                                             const LimitedLogin& login) noexcept {
    if (Entry* const own = find(limits, limit, login))
        return *own;
    Entry& free =
        *std::min_element(std::begin(entries), std::end(entries),
                          [](const Entry& a, const Entry& b) { return a.bucket.full_at < b.bucket.full_at; });
    free = {{0}, limit, login};
    return free;
}

Timestamp LoginBuckets::wait(const SessionLimits& limits, const LimitSet& numbers, const LimitedLogin& login,
                             Timestamp now, int& limit) noexcept {
    Timestamp longest = 0;
    for_each_rate(limits, numbers, [&](int number, const LoginRate& rate) {
        const Entry* const entry = find(limits, number, login);
        const Timestamp wait = entry != nullptr ? entry->bucket.wait(rate, now) : 0;
        if (wait > longest) {
            longest = wait;
            limit = number;
        }
    });
    if (longest <= longest_rate_wait)
        for_each_rate(limits, numbers, [&](int number, const LoginRate& rate) {
            entry_for(limits, number, login).bucket.take(rate, now);
        });
    return longest;
}

void LoginBuckets::forget(int limit) noexcept {
    for (Entry& each : entries)
        if (each.limit == limit)
            each.bucket = {};
}

} // namespace sessionctl::core
