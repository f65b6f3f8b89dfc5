// What a look shows of a session: its state, and whether it is still there.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/recheck.hpp"

namespace sessionctl::pg {

/// The processes in shared memory, read once for many looks. A session whose process is missing is gone for
/// certain, and no lock is taken to know that; one that is there may have ended since.
class RecentProcesses {
  public:
    bool has(int pid);
    /// Makes the next question read them anew.
    void forget() noexcept { pids_.clear(); }

  private:
    core::vector<int> pids_; // sorted; empty: to be read
};

/// The session's current state. Not present: it is gone for certain, by the session table and the process
/// array. Of many that are dying each look at that array would wait for them: `processes` knows of most.
core::Observation look_at(const core::Session& session, RecentProcesses* processes = nullptr);

} // namespace sessionctl::pg
