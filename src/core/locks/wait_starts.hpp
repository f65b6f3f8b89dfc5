// Since when there have been waits for locks: where the server does not tell, since they were first seen.
#pragma once

#include "core/clock.hpp"
#include "core/locks/lock_wait.hpp"
#include "core/memory.hpp"

namespace sessionctl::core {

/// The same moment on both clocks.
struct WaitStart {
    Timestamp monotonic;
    Timestamp wall;
};

/// Remembers all waits from look to look, so that a wall clock that is set in between makes none longer.
class WaitStarts {
  public:
    /// These are the waits at present. In time n log n.
    void look(Timestamp monotonic, Timestamp wall, const vector<LockWait>& waits);
    /// For one that the last look did not have, too: without a start of its own it begins at that look.
    WaitStart of(const LockWait& wait) const noexcept;

  private:
    struct Entry {
        LockWait id;
        WaitStart start;
    };

    Clock clock_;
    Timestamp wall_ = 0; // at the last look
    vector<Entry> known_;
};

} // namespace sessionctl::core
