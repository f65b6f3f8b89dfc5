// What a look shows of a session: its state, and whether it is still there.
#pragma once

#include "compat/process_places.hpp"
#include "core/memory.hpp"
#include "core/sessions/recheck.hpp"

namespace sessionctl::pg {

/// The processes in shared memory, read once for many looks: one that is there may have ended since.
class RecentProcesses {
  public:
    /// One that may be the session's.
    bool has(const core::Session& session);
    /// Makes the next question read them anew.
    void forget() noexcept { processes_.clear(); }

  private:
    core::vector<compat::ProcessInPlace> processes_; // by pid; empty: to be read
};

/// The session's current state. Not present: it is gone for certain, it is in neither the session table nor
/// the process array.
core::Observation look_at(const core::Session& session);
core::Observation look_at(const core::Session& session, RecentProcesses& processes);

} // namespace sessionctl::pg
