// A wait graph as an indented list: roots first, under each who waits for it.
#pragma once

#include "core/locks/wait_graph.hpp"

namespace sessionctl::core {

struct Branch {
    int party;
    int parent;     // under whom it stands; -1: under nobody
    int depth;      // from 0
    int cycle_size; // not 0: the line above a cycle, whose members wait for nobody else; party is one of them
    // In its way, but for the one under whom it stands:
    vector<int> holders; // of what it wants
    int queued;          // how many only stand further up the queue
    // How many of those behind it wait for its request alone, and not for what anybody holds:
    int blocked_by_request;
};

/// Everybody who waits for somebody, or for no lock, once, and those they wait for. A waiter stands under one
/// who holds what it wants; if nobody does, under the foremost of those further up the queue. Where there are
/// several, under the one that is listed first. Roots and siblings come in the order of how many wait behind
/// them, then of who has waited longest.
vector<Branch> blocking_tree(const WaitGraph& graph);

/// Since when it has waited; 0: not known, or it does not wait.
Timestamp waiting_since(const WaitGraph& graph, int party);

} // namespace sessionctl::core
