#include "core/rules/check_times.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr Timestamp grain = 100 * microseconds_per_millisecond;
constexpr Timestamp first_pause = microseconds_per_second;
constexpr Timestamp longest_pause = 60 * microseconds_per_second;

Timestamp multiple_from(Timestamp time, Timestamp of) noexcept {
    return (time + of - 1) / of * of;
}

} // namespace

void CheckTimes::checked(Timestamp now, Timestamp check_every) noexcept {
    next_ = multiple_from(multiple_from(now + 1, check_every), grain);
    pause_ = 0;
}

bool CheckTimes::failed(Timestamp now) noexcept {
    const bool is_first = pause_ == 0;
    pause_ = is_first ? first_pause : std::min(2 * pause_, longest_pause);
    next_ = now + pause_;
    const bool is_told = is_first && (told_at_ == INT64_MIN || now - told_at_ >= longest_pause);
    if (is_told)
        told_at_ = now;
    return is_told;
}

void CheckTimes::changed() noexcept {
    *this = {};
}

vector<std::size_t> due_checks(const vector<const CheckTimes*>& rules, Timestamp now) {
    vector<std::size_t> due;
    for (std::size_t place = 0; place < rules.size(); ++place)
        if (rules[place] != nullptr && rules[place]->is_due(now))
            due.push_back(place);
    std::sort(due.begin(), due.end(), [&rules](std::size_t a, std::size_t b) {
        return rules[a]->next() != rules[b]->next() ? rules[a]->next() < rules[b]->next() : a < b;
    });
    return due;
}

} // namespace sessionctl::core
