// The roster that session_activity shows while a condition runs.
#pragma once

#include "pg/sessions/resource_use.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// While it lives, session_activity shows this roster: so a condition sees the same sessions that are acted
/// on, and wherever it names one of its figures, the same figure.
class RosterInForce {
  public:
    explicit RosterInForce(const Roster& roster) noexcept;
    /// With the figures that have been read of it before, by another condition of the same moment.
    explicit RosterInForce(ResourceUse& resource_use) noexcept;
    ~RosterInForce();
    RosterInForce(const RosterInForce&) = delete;
    RosterInForce& operator=(const RosterInForce&) = delete;

    /// Null outside of such a scope, and for another role (inside a function that changes it), which sees its
    /// own.
    static RosterInForce* current() noexcept;

    const Roster& roster() const noexcept { return resource_use_.roster(); }
    ResourceUse& resource_use() noexcept { return resource_use_; }

  private:
    std::optional<ResourceUse> own_; // unless they are another's
    ResourceUse& resource_use_;
    RosterInForce* const outer_;
};

} // namespace sessionctl::pg
