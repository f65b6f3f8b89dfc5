#include "core/locks/wait_graph.hpp"

#include "core/locks/components.hpp"

#include <algorithm>
#include <utility>

namespace sessionctl::core {

namespace {

int bits_of(std::uint64_t word) noexcept {
    return __builtin_popcountll(word);
}

} // namespace

void sort_once_each(vector<int>& numbers) {
    std::sort(numbers.begin(), numbers.end());
    numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
}

void add_non_lock_wait(WaitGraph::ProcLocks& proclocks, int number, std::int32_t waiter,
                       const vector<int>& blockers) {
    constexpr LockModes mode = LockModes{1} << no_lock;
    proclocks.push_back({{waiter, 0}, number, 0, no_lock, 0, mode, 0});
    for (const int blocker : blockers)
        proclocks.push_back({{blocker, 0}, number, -1, 0, mode, 0, 0});
}

WaitGraph::WaitGraph(ProcLocks proclocks, vector<ParallelWorker> workers)
    : proclocks_(std::move(proclocks)), workers_(std::move(workers)) {
    std::sort(workers_.begin(), workers_.end(),
              [](const ParallelWorker& a, const ParallelWorker& b) { return a.pid < b.pid; });
    number_parties();
    index_proclocks();
}

void WaitGraph::number_parties() {
    parties_.reserve(proclocks_.size());
    for (const ProcLock& proclock : proclocks_)
        parties_.push_back(proclock.party);
    std::sort(parties_.begin(), parties_.end());
    parties_.erase(std::unique(parties_.begin(), parties_.end()), parties_.end());
}

void WaitGraph::index_proclocks() {
    first_proclock_.resize(count() + 1, 0);
    for (int i = 0; i < static_cast<int>(proclocks_.size()); ++i) {
        if (i == 0 || proclocks_[i].lock != proclocks_[i - 1].lock)
            first_of_lock_.push_back(i);
        owners_.push_back(find(proclocks_[i].party));
        ++first_proclock_[owners_.back() + 1];
    }
    first_of_lock_.push_back(static_cast<int>(proclocks_.size()));
    for (int party = 0; party < count(); ++party)
        first_proclock_[party + 1] += first_proclock_[party];
    vector<int> next(first_proclock_);
    by_owner_.resize(proclocks_.size());
    for (int i = 0; i < static_cast<int>(proclocks_.size()); ++i)
        by_owner_[next[owners_[i]]++] = i;
}

int WaitGraph::find(std::int32_t pid) const noexcept {
    const auto worker =
        std::lower_bound(workers_.begin(), workers_.end(), pid,
                         [](const ParallelWorker& each, std::int32_t wanted) { return each.pid < wanted; });
    return find(Party{worker != workers_.end() && worker->pid == pid ? worker->leader : pid, 0});
}

int WaitGraph::find(const Party& party) const noexcept {
    const auto found = std::lower_bound(parties_.begin(), parties_.end(), party);
    return found != parties_.end() && *found == party ? static_cast<int>(found - parties_.begin()) : -1;
}

vector<int> WaitGraph::blockers_of(int party) const {
    vector<int> blockers;
    for (Pairs pairs(*this, party); pairs.next();)
        if (is_block(pairs.waiter(), pairs.other()))
            blockers.push_back(owner(pairs.other()));
    sort_once_each(blockers);
    return blockers;
}

vector<int> WaitGraph::behind(int party) const {
    const Closure& all = closure();
    const int component = all.component[party];
    vector<int> waiters;
    for (int other = 0; other < count(); ++other)
        if (other != party &&
            (all.component[other] == component || all.waits(all.component[other], component)))
            waiters.push_back(other);
    return waiters;
}

int WaitGraph::waiting_behind(int party) const {
    const Closure& all = closure();
    return all.behind[all.component[party]];
}

WaitGraph::Blockers WaitGraph::holders_and_queued(int party) const {
    Blockers found;
    for (Pairs pairs(*this, party); pairs.next();)
        if (is_hard_block(pairs.waiter(), pairs.other()))
            found.holders.push_back(owner(pairs.other()));
        else if (is_soft_block(pairs.waiter(), pairs.other()))
            found.queued.push_back(owner(pairs.other()));
    sort_once_each(found.holders);
    sort_once_each(found.queued);
    const auto holds = [&found](int each) {
        return std::binary_search(found.holders.begin(), found.holders.end(), each);
    };
    found.queued.erase(std::remove_if(found.queued.begin(), found.queued.end(), holds), found.queued.end());
    return found;
}

/// Follows holders only; `queued` gets those that are only queued before one of them, or before the party.
vector<int> WaitGraph::roots_over_holders(int party, vector<int>& queued) const {
    const Closure& all = closure();
    vector<int> roots;
    vector<int> reached(1, party);
    vector<bool> is_reached(count(), false);
    vector<bool> has_root(all.size.size(), false);
    is_reached[party] = true;
    for (std::size_t next = 0; next < reached.size(); ++next) {
        const int component = all.component[reached[next]];
        if (reached[next] != party && all.waits_for_nobody_else(component) && !has_root[component]) {
            has_root[component] = true;
            roots.push_back(reached[next]);
        }
        const Blockers blockers = holders_and_queued(reached[next]);
        queued.insert(queued.end(), blockers.queued.begin(), blockers.queued.end());
        for (const int holder : blockers.holders) {
            if (!is_reached[holder])
                reached.push_back(holder);
            is_reached[holder] = true;
        }
    }
    sort_once_each(queued);
    return roots;
}

vector<int> WaitGraph::blockers_to_end(int party) const {
    const Closure& all = closure();
    vector<int> queued;
    vector<int> found = roots_over_holders(party, queued);
    vector<bool> has_root(all.size.size(), false);
    for (const int root : found)
        has_root[all.component[root]] = true;
    vector<int> staying; // components that wait for nobody else
    for (int component = 0; component < static_cast<int>(all.size.size()); ++component)
        if (!has_root[component] && all.waits_for_nobody_else(component))
            staying.push_back(component);
    for (const int each : queued) {
        const int own = all.component[each];
        const bool waits_on = std::any_of(staying.begin(), staying.end(), [&](int component) {
            return component == own || all.waits(own, component);
        });
        if (each != party && waits_on)
            found.push_back(each);
    }
    sort_once_each(found);
    return found;
}

/// Holders come last among the proclocks of a lock.
bool WaitGraph::is_held_by_others(const ProcLock& waiter) const noexcept {
    for (int i = first_of_lock_.data()[waiter.lock + 1]; i-- > first_of_lock_.data()[waiter.lock];)
        if (is_hard_block(waiter, proclocks_.data()[i]))
            return true;
    return false;
}

vector<int> WaitGraph::blocked_by_request() const {
    vector<int> blocked(proclocks_.size(), 0);
    vector<int> last(proclocks_.size(), -1); // the party counted there last
    for (int party = 0; party < count(); ++party)
        each_proclock(party, [&](const ProcLock& waiter) {
            if (waiter.wanted == 0 || is_held_by_others(waiter))
                return;
            each_waiter(waiter, [&](const ProcLock& other) {
                const auto proclock = static_cast<std::size_t>(&other - proclocks_.data());
                if (is_soft_block(waiter, other) && std::exchange(last[proclock], party) != party)
                    ++blocked[proclock];
            });
        });
    return blocked;
}

// --- pairs

WaitGraph::Pairs::Pairs(const WaitGraph& graph, int party)
    : graph_(&graph), next_own_(graph.first_proclock_[party]), end_own_(graph.first_proclock_[party + 1]) {}

bool WaitGraph::Pairs::next_waiter() {
    while (next_own_ < end_own_) {
        waiter_ = other_ = graph_->proclocks_.data() + graph_->by_owner_[next_own_++];
        if (waiter_->wanted == 0)
            continue;
        first_ = graph_->proclocks_.data() + graph_->first_of_lock_[waiter_->lock];
        end_ = graph_->proclocks_.data() + graph_->first_of_lock_[waiter_->lock + 1];
        others_left_ = static_cast<int>(end_ - first_) - 1;
        return true;
    }
    return false;
}

// --- directly or not

bool WaitGraph::Closure::waits_for_nobody_else(int component) const noexcept {
    const auto first = row.begin() + component * words();
    return std::all_of(first, first + words(), [](std::uint64_t word) { return word == 0; });
}

void WaitGraph::Closure::add(int component, int other) noexcept {
    std::uint64_t* const own = row.data() + component * words();
    const std::uint64_t* const others = row.data() + other * words();
    for (std::size_t i = 0; i < words(); ++i)
        own[i] |= others[i];
    own[other / 64] |= std::uint64_t{1} << (other % 64);
}

void WaitGraph::Closure::count() {
    const int components = static_cast<int>(size.size());
    behind.resize(components);
    for (int component = 0; component < components; ++component)
        behind[component] = size[component] - 1;
    for (int component = 0; component < components; ++component)
        for (std::size_t word = 0; word < words(); ++word)
            for (std::uint64_t left = row[component * words() + word]; left != 0; left &= left - 1)
                behind[word * 64 + bits_of((left & -left) - 1)] += size[component];
}

/// Those further up a queue come first in a party's pairs: what the nearest waits for mostly is all that it
/// waits for, and the rest of a long queue costs a look each.
const WaitGraph::Closure& WaitGraph::closure() const {
    if (!closure_.size.empty() || count() == 0)
        return closure_;
    Closure found; // whole or not at all
    Components components = components_of(*this, is_block);
    found.component = std::move(components.of);
    found.size = std::move(components.size);
    found.row.resize(found.size.size() * found.words(), 0);
    vector<int> by_component;
    for (int party = 0; party < count(); ++party)
        by_component.push_back(party);
    std::sort(by_component.begin(), by_component.end(),
              [&found](int a, int b) { return found.component[a] < found.component[b]; });
    for (const int party : by_component) {
        const int component = found.component[party];
        for (Pairs pairs(*this, party); pairs.next();) {
            const int other = found.component[owner(pairs.other())];
            if (other != component && !found.waits(component, other) &&
                is_block(pairs.waiter(), pairs.other()))
                found.add(component, other);
        }
    }
    found.count();
    closure_ = std::move(found);
    return closure_;
}

} // namespace sessionctl::core
