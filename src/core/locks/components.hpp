// Parties that wait for each other, directly or not: the strongly connected components of a wait graph
// (Tarjan 1972), with a stack of its own, since a chain may be as long as there are sessions.
#pragma once

#include "core/locks/wait_graph.hpp"

#include <algorithm>

namespace sessionctl::core {

struct Components {
    vector<int> of;   // by party: its component; those that it waits for have lower numbers
    vector<int> size; // by component
};

/// `Edge` says whether the first proclock's owner waits for the second's.
template <typename Edge>
class ComponentSearch {
  public:
    ComponentSearch(const WaitGraph& graph, Edge edge) : graph_(graph), edge_(edge) {}

    Components run() {
        found_.of.resize(graph_.count(), -1);
        seen_.resize(graph_.count(), 0);
        low_.resize(graph_.count(), 0);
        for (int party = 0; party < graph_.count(); ++party) {
            if (seen_[party] == 0)
                enter(party);
            while (!path_.empty())
                step();
        }
        return std::move(found_);
    }

  private:
    struct Frame {
        int party;
        WaitGraph::Pairs pairs;
    };

    void enter(int party) {
        seen_[party] = low_[party] = ++clock_;
        open_.push_back(party);
        path_.push_back({party, WaitGraph::Pairs(graph_, party)});
    }

    void step() {
        Frame& frame = path_.back();
        while (frame.pairs.next()) {
            if (!edge_(frame.pairs.waiter(), frame.pairs.other()))
                continue;
            const int other = graph_.owner(frame.pairs.other());
            if (seen_[other] == 0)
                return enter(other);
            if (found_.of[other] < 0)
                low_[frame.party] = std::min(low_[frame.party], seen_[other]);
        }
        leave();
    }

    void leave() {
        const int party = path_.back().party;
        path_.pop_back();
        if (!path_.empty())
            low_[path_.back().party] = std::min(low_[path_.back().party], low_[party]);
        if (low_[party] < seen_[party])
            return;
        const int component = static_cast<int>(found_.size.size());
        found_.size.push_back(0);
        int member;
        do {
            member = open_.back();
            open_.pop_back();
            found_.of[member] = component;
            ++found_.size[component];
        } while (member != party);
    }

    const WaitGraph& graph_;
    const Edge edge_;
    Components found_;
    vector<int> seen_; // by party: when it was, from 1
    vector<int> low_;  // by party: the earliest seen that it leads back to
    vector<int> open_; // seen, and not yet in a component
    vector<Frame> path_;
    int clock_ = 0;
};

template <typename Edge>
Components components_of(const WaitGraph& graph, Edge edge) {
    return ComponentSearch<Edge>(graph, edge).run();
}

} // namespace sessionctl::core
