// Who waits for whom.
#pragma once

#include "core/memory.hpp"
#include "pg/postgres.hpp"

namespace sessionctl::pg {

/// The wait-for graph at one moment. Lives in the memory context that was current when it was taken.
class WaitGraph {
  public:
    /// In the memory of the innermost MemoryScope or ScratchMemory.
    static WaitGraph* take();

    /// Sessions that wait behind this one, directly or not; each once, parallel workers as their leader.
    int waiting_behind(int pid) const;

  private:
    struct Edge {
        int waiter;
        int blocker;
    };
    core::vector<Edge> edges_;
};

} // namespace sessionctl::pg
