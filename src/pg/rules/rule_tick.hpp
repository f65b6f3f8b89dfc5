// The sessions at one moment, for all rules that are due then.
#pragma once

#include "compat/postgres.hpp"
#include "core/memory.hpp"
#include "core/rules/session_ages.hpp"
#include "pg/sessions/resource_use.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// While it lives, this role is the current user; unless it is a superuser, it counts as changed for that
/// purpose, which restricts conditions.
class AsOwner {
  public:
    explicit AsOwner(Oid owner);
    ~AsOwner();
    AsOwner(const AsOwner&) = delete;
    AsOwner& operator=(const AsOwner&) = delete;

  private:
    Oid user_;
    int security_context_;
};

/// InvalidOid unless it is a call without arguments.
Oid called_function(const RangeTblFunction& function);

/// The rows of session_activity's function, as one role sees them.
struct ActivityRows {
    Oid function;
    TupleTableSlot** first;
    std::size_t count;
};

/// The session table is read once, and made rows once for each owner of rules that look at nothing else.
/// Needs a transaction, and lives in the memory context that was current when it was made.
class RuleTick {
  public:
    /// Takes times as they are.
    RuleTick();
    /// Corrects times after jumps of the wall clock. `ages` outlives it.
    explicit RuleTick(core::SessionAges& ages);
    RuleTick(const RuleTick&) = delete;
    RuleTick& operator=(const RuleTick&) = delete;

    /// When the session table was read, on the monotonic clock.
    core::Timestamp taken_at() const noexcept { return taken_at_; }
    /// As this role sees the sessions.
    const Roster& roster_for(Oid owner);
    /// What those sessions use of the machine: each figure is read once.
    ResourceUse& resource_use_for(Oid owner);
    /// Has the wall clock kept pace all the time? If not, conditions may have seen wrong times: nobody is to
    /// be acted on.
    bool is_steady() const noexcept;

    /// Forms them where they are not there yet. Call it as the owner, inside pg::call, while its roster is in
    /// force.
    const ActivityRows& rows_for(Oid owner);

  private:
    /// One owner's. Not moved: the roster may be in force.
    struct View {
        Oid owner;
        Roster roster;
        ResourceUse resource_use;
        ActivityRows rows;
        View* next;
    };

    View& view_of(Oid owner);

    const MemoryContext memory_;
    core::SessionAges* const ages_;
    const core::Timestamp taken_at_;
    Roster all_; // as the current user sees them
    View* views_ = nullptr;
};

} // namespace sessionctl::pg
