#include "core/locks/blocking_tree.hpp"

#include "core/locks/components.hpp"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

namespace sessionctl::core {

namespace {

class TreeBuilder {
  public:
    explicit TreeBuilder(const WaitGraph& graph)
        : graph_(graph), blocked_by_request_(graph.blocked_by_request()), is_listed_(graph.count(), false),
          marks_(graph.count(), -1) {
        find_reasons();
        components_ = components_of(graph_, [this](const ProcLock& waiter, const ProcLock& other) {
            return is_child_of(waiter, other);
        });
    }

    vector<Branch> run() {
        for (const int root : roots())
            list_from(root);
        return std::move(list_);
    }

  private:
    struct Place {
        int party;
        int parent;
        int depth;
    };

    /// What blocks a proclock: the index of the foremost request before it, or one of these.
    static constexpr int by_holders = -1;
    static constexpr int by_nobody = -2;

    void find_reasons() {
        reasons_.resize(graph_.proclocks().size(), by_nobody);
        for (int party = 0; party < graph_.count(); ++party)
            for (WaitGraph::Pairs pairs(graph_, party); pairs.next();)
                consider(pairs.waiter(), pairs.other());
    }

    void consider(const ProcLock& waiter, const ProcLock& other) {
        int& reason = reasons_.data()[index_of(waiter)];
        if (is_hard_block(waiter, other))
            reason = by_holders;
        else if (reason != by_holders && is_soft_block(waiter, other) &&
                 (reason == by_nobody || other.place < graph_.proclocks()[reason].place))
            reason = index_of(other);
    }

    int index_of(const ProcLock& proclock) const noexcept {
        return static_cast<int>(&proclock - graph_.proclocks().data());
    }

    bool is_child_of(const ProcLock& waiter, const ProcLock& other) const noexcept {
        const int reason = reasons_.data()[index_of(waiter)];
        return reason == by_holders ? is_hard_block(waiter, other) : reason == index_of(other);
    }

    /// The first member of each component that is a child of no other: no other root leads to it.
    vector<int> roots() const {
        vector<int> firsts(components_.size.size(), -1);
        vector<bool> is_under(components_.size.size(), false);
        for (int party = graph_.count() - 1; party >= 0; --party) {
            const int component = components_.of[party];
            firsts[component] = party;
            for (WaitGraph::Pairs pairs(graph_, party); pairs.next();)
                if (is_child_of(pairs.waiter(), pairs.other()) &&
                    components_.of[graph_.owner(pairs.other())] != component)
                    is_under[component] = true;
        }
        vector<int> roots;
        for (std::size_t component = 0; component < firsts.size(); ++component)
            if (!is_under[component] &&
                (graph_.waiting_behind(firsts[component]) > 0 || waits_for_no_lock(firsts[component])))
                roots.push_back(firsts[component]);
        sort_by_weight(roots);
        return roots;
    }

    bool waits_for_no_lock(int party) const {
        bool waits = false;
        graph_.each_proclock(party,
                             [&waits](const ProcLock& proclock) { waits |= proclock.wanted == no_lock; });
        return waits;
    }

    void list_from(int root) {
        const int cycle_size = components_.size[components_.of[root]];
        const bool is_cycle = cycle_size > 1;
        if (is_cycle)
            list_.push_back({root, -1, 0, cycle_size, {}, 0, 0});
        vector<Place> next(1, Place{root, -1, is_cycle ? 1 : 0});
        while (!next.empty()) {
            const Place place = next.back();
            next.pop_back();
            if (is_listed_[place.party])
                continue;
            is_listed_[place.party] = true;
            list_.push_back({place.party, place.parent, place.depth, 0, {}, 0, 0});
            find_blockers(list_.back());
            find_blocked(list_.back());
            const vector<int> under = children_of(place.party);
            for (auto party = under.rbegin(); party != under.rend(); ++party)
                if (!is_listed_[*party])
                    next.push_back({*party, place.party, place.depth + 1});
        }
    }

    void find_blockers(Branch& branch) {
        const auto is_new = [this, &branch](int party) {
            return party != branch.parent && std::exchange(marks_[party], branch.party) != branch.party;
        };
        for (WaitGraph::Pairs pairs(graph_, branch.party); pairs.next();)
            if (is_hard_block(pairs.waiter(), pairs.other()) && is_new(graph_.owner(pairs.other())))
                branch.holders.push_back(graph_.owner(pairs.other()));
        std::sort(branch.holders.begin(), branch.holders.end());
        for (WaitGraph::Pairs pairs(graph_, branch.party); pairs.next();)
            if (is_soft_block(pairs.waiter(), pairs.other()) && is_new(graph_.owner(pairs.other())))
                ++branch.queued;
    }

    void find_blocked(Branch& branch) const {
        graph_.each_proclock(branch.party, [&](const ProcLock& proclock) {
            const int blocked = blocked_by_request_[index_of(proclock)];
            branch.blocked_by_request = std::max(branch.blocked_by_request, blocked);
        });
    }

    vector<int> children_of(int party) const {
        vector<int> under;
        graph_.each_proclock(party, [&](const ProcLock& proclock) {
            graph_.each_waiter(proclock, [&](const ProcLock& waiter) {
                if (is_child_of(waiter, proclock))
                    under.push_back(graph_.owner(waiter));
            });
        });
        sort_once_each(under);
        sort_by_weight(under);
        return under;
    }

    void sort_by_weight(vector<int>& parties) const {
        const auto weight = [this](int party) {
            const Timestamp since = waiting_since(graph_, party);
            return std::make_tuple(-graph_.waiting_behind(party),
                                   since != 0 ? since : std::numeric_limits<Timestamp>::max(), party);
        };
        std::sort(parties.begin(), parties.end(), [&](int a, int b) { return weight(a) < weight(b); });
    }

    const WaitGraph& graph_;
    const vector<int> blocked_by_request_; // by proclock
    vector<int> reasons_;                  // by proclock
    Components components_;
    vector<bool> is_listed_;
    vector<int> marks_; // by party: whose obstacle it was found to be last
    vector<Branch> list_;
};

} // namespace

vector<Branch> blocking_tree(const WaitGraph& graph) {
    return TreeBuilder(graph).run();
}

Timestamp waiting_since(const WaitGraph& graph, int party) {
    Timestamp since = 0;
    graph.each_proclock(party, [&since](const ProcLock& proclock) {
        if (proclock.since != 0 && (since == 0 || proclock.since < since))
            since = proclock.since;
    });
    return since;
}

} // namespace sessionctl::core
