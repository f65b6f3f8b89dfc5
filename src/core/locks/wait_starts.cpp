#include "core/locks/wait_starts.hpp"

#include <utility>

namespace sessionctl::core {

void WaitStarts::look(Timestamp monotonic, Timestamp wall, const vector<LockWait>& waits) {
    clock_.tick(monotonic, wall);
    wall_ = wall;
    vector<Entry> found;
    found.reserve(waits.size());
    for (const LockWait& wait : waits)
        found.push_back({wait, of(wait)});
    std::sort(found.begin(), found.end(),
              [](const Entry& a, const Entry& b) { return a.id.waiter.pid < b.id.waiter.pid; });
    known_ = std::move(found);
}

WaitStart WaitStarts::of(const LockWait& wait) const noexcept {
    if (const Entry* const known = find_wait(known_, wait))
        return known->start;
    return wait.since != 0 ? WaitStart{clock_.at(wait.since), wait.since} : WaitStart{clock_.now(), wall_};
}

} // namespace sessionctl::core
