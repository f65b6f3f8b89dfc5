#include "core/locks/yield.hpp"

#include "core/reaper/violation_text.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// Who holds, or wants, each mode: the last two of each are enough to tell the last one besides a given one.
class PartiesByMode {
  public:
    void add(const Party& party, LockModes modes) noexcept {
        ++count_;
        for (; modes != 0; modes &= modes - 1) {
            Latest& latest = of_mode_[__builtin_ctz(modes)];
            if (!(latest.last.party == party))
                latest.one_before = latest.last;
            latest.last = {party, count_};
        }
    }

    /// Of those with one of these modes.
    std::optional<Party> last_besides(const Party& party, LockModes modes) const noexcept {
        Entry found = {};
        for (; modes != 0; modes &= modes - 1) {
            const Latest& latest = of_mode_[__builtin_ctz(modes)];
            const Entry& other = latest.last.party == party ? latest.one_before : latest.last;
            if (other.number > found.number)
                found = other;
        }
        return found.number > 0 ? std::optional(found.party) : std::nullopt;
    }

  private:
    struct Entry {
        Party party;
        int number; // in the order in which they were added, from 1
    };
    struct Latest {
        Entry last;
        Entry one_before; // of another party
    };

    Latest of_mode_[32] = {};
    int count_ = 0;
};

} // namespace

vector<KeptWaiting> kept_waiting(ProcLocksOfLock lock, const vector<Party>& yielding) {
    PartiesByMode holders;
    PartiesByMode yielding_requests; // further up the queue
    PartiesByMode other_requests;
    const ProcLock* end_of_queue = lock.first;
    for (const ProcLock* each = lock.first; each != lock.end; ++each) {
        holders.add(each->party, each->held);
        if (each->wanted != 0)
            end_of_queue = each + 1;
    }
    vector<KeptWaiting> kept;
    for (const ProcLock* waiter = end_of_queue; waiter != lock.first;) {
        --waiter; // from the front on
        const Party& party = waiter->party;
        const std::optional<Party> by = yielding_requests.last_besides(party, waiter->conflicts);
        if (by && !other_requests.last_besides(party, waiter->conflicts) &&
            !holders.last_besides(party, waiter->conflicts))
            kept.push_back({waiter, *by});
        const bool is_yielding = std::binary_search(yielding.begin(), yielding.end(), party);
        (is_yielding ? yielding_requests : other_requests).add(party, LockModes{1} << waiter->wanted);
    }
    std::sort(kept.begin(), kept.end(),
              [](const KeptWaiting& a, const KeptWaiting& b) { return a.by < b.by; });
    return kept;
}

KeptRange kept_waiting_by(const Party& party, const vector<KeptWaiting>& kept) noexcept {
    const KeptWaiting* const end = kept.data() + kept.size();
    const KeptWaiting* const first =
        std::lower_bound(kept.data(), end, party,
                         [](const KeptWaiting& each, const Party& wanted) { return each.by < wanted; });
    const KeptWaiting* last = first;
    while (last != end && last->by == party)
        ++last;
    return {first, last};
}

void YieldMonitor::begin(Timestamp monotonic) noexcept {
    now_ = monotonic;
    next_look_ = never;
    for (Wait& wait : waits_)
        wait.is_checked = false;
}

std::optional<Timestamp> YieldMonitor::check(const LockWait& id, std::int32_t yield_after, Timestamp since,
                                             bool gives_up) {
    Wait* wait = find_wait(waits_, id);
    if (wait == nullptr)
        wait =
            &*waits_.insert(place_of_waiter(waits_, id.waiter.pid), Wait{id, INT64_MIN, never, false, true});
    wait->is_checked = true;
    if (since == never) {
        wait->since = never;
        wait->free_at = now_;
        return std::nullopt;
    }
    if (wait->since == never)
        wait->since = std::max(since, wait->free_at);
    if (wait->is_logged && !gives_up)
        return std::nullopt;
    const Timestamp due = wait->since + yield_after * microseconds_per_millisecond;
    if (now_ >= due)
        return now_ - wait->since;
    next_look_ = std::min(next_look_, due);
    return std::nullopt;
}

void YieldMonitor::cancelled(const LockWait& id) noexcept {
    if (Wait* const wait = find_wait(waits_, id))
        wait->since = now_;
}

void YieldMonitor::logged(const LockWait& id) noexcept {
    if (Wait* const wait = find_wait(waits_, id))
        wait->is_logged = true;
}

void YieldMonitor::finish() noexcept {
    waits_.erase(
        std::remove_if(waits_.begin(), waits_.end(), [](const Wait& wait) { return !wait.is_checked; }),
        waits_.end());
}

string detail_of_yield(Timestamp waited, std::int32_t yield_after) {
    string text("This session's wait for a lock kept others waiting for ");
    text.append(length_of_time(waited));
    text.append(" (pg_sessionctl.yield_after is ");
    text.append(exact_time(yield_after));
    text.append(").");
    return text;
}

} // namespace sessionctl::core
