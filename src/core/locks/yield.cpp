#include "core/locks/yield.hpp"

#include "core/reaper/violation_text.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// Who holds, or wants, each mode: three parties of each are enough to tell whether there are none, one, or
/// several besides a given one.
class PartiesByMode {
  public:
    void add(const Party& party, LockModes modes) noexcept {
        for (; modes != 0; modes &= modes - 1)
            add_to(of_mode_[__builtin_ctz(modes)], party);
    }

    /// Of those with one of these modes, besides this one.
    struct Others {
        int count; // 2: or more
        Party first;
    };
    Others others(const Party& than, LockModes modes) const noexcept {
        Others found = {0, {}};
        for (; modes != 0; modes &= modes - 1) {
            const Parties& parties = of_mode_[__builtin_ctz(modes)];
            for (int i = 0; i < parties.count; ++i)
                if (!(parties.at[i] == than))
                    count(found, parties.at[i]);
        }
        return found;
    }

  private:
    static constexpr int most = 3;
    struct Parties {
        int count = 0;
        Party at[most];
    };

    static void add_to(Parties& parties, const Party& party) noexcept {
        Party* const end = parties.at + parties.count;
        if (parties.count < most && std::find(parties.at, end, party) == end)
            parties.at[parties.count++] = party;
    }

    static void count(Others& found, const Party& party) noexcept {
        if (found.count == 0)
            found = {1, party};
        else if (!(found.first == party))
            found.count = 2;
    }

    Parties of_mode_[32];
};

} // namespace

vector<KeptWaiting> kept_waiting(ProcLocksOfLock lock) {
    PartiesByMode holders;
    PartiesByMode requests; // further up the queue
    const ProcLock* end_of_queue = lock.first;
    for (const ProcLock* each = lock.first; each != lock.end; ++each) {
        holders.add(each->party, each->held);
        if (each->wanted != 0)
            end_of_queue = each + 1;
    }
    vector<KeptWaiting> kept;
    for (const ProcLock* waiter = end_of_queue; waiter != lock.first;) {
        --waiter; // from the front on
        const PartiesByMode::Others before = requests.others(waiter->party, waiter->conflicts);
        if (before.count == 1 && holders.others(waiter->party, waiter->conflicts).count == 0)
            kept.push_back({waiter, before.first});
        requests.add(waiter->party, LockModes{1} << waiter->wanted);
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
    next_look_ = PatienceMonitor::never;
    for (Wait& wait : waits_)
        wait.is_checked = false;
}

std::optional<Timestamp> YieldMonitor::check(const LockWait& id, std::int32_t yield_after, Timestamp since) {
    Wait* wait = find_wait(waits_, id);
    if (wait == nullptr)
        wait = &*waits_.insert(place_of_waiter(waits_, id.waiter.pid), Wait{id, since, false, true});
    wait->is_checked = true;
    const Timestamp due = wait->since + yield_after * microseconds_per_millisecond;
    if (wait->is_logged)
        return std::nullopt;
    if (now_ < due) {
        next_look_ = std::min(next_look_, due);
        return std::nullopt;
    }
    return now_ - wait->since;
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
