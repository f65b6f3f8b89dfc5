// A wait graph as an indented list: roots first, under each its waiters.
#pragma once

#include "core/locks/wait_graph.hpp"

namespace sessionctl::core {

struct Branch {
    int party;
    int parent;     // the blocker under which it is listed; -1: none
    int depth;      // from 0
    int cycle_size; // not 0: the line above a cycle, whose members wait for nobody else; party is one of them
    // Its blockers other than the parent:
    vector<int> holders; // of the lock that it waits for
    int queued;          // how many are only further up the queue
    // How many waiters are blocked by its request alone, and by no lock that is held:
    int blocked_by_request;
};

/// All waiters and their blockers, each once. A waiter is listed under a holder of the lock that it waits
/// for; where nobody holds it, under the foremost of those further up the queue. Where there are several,
/// under the one that is listed first. Roots and siblings are ordered by the number of their waiters, then by
/// who has waited longest.
vector<Branch> blocking_tree(const WaitGraph& graph);

/// Since when it has waited; 0: not known, or it does not wait.
Timestamp waiting_since(const WaitGraph& graph, int party);

} // namespace sessionctl::core
