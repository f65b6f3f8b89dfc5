// After the server is locked down: the logins that were under way just before, in no session table yet, where
// nobody else looks. One can stay there for as long as its client likes (post_auth_delay).
#pragma once

#include "core/memory.hpp"
#include "pg/keep_out/ended_logins.hpp"
#include "pg/keep_out/gate.hpp"

namespace sessionctl::pg {

/// What the gate and pg_hba.conf have in common: whom they refuse, and the end of those.
class ServerSweep {
  public:
    /// Ends every login that would now be refused and that is in no session table yet, and if it `waits`,
    /// does so until `deadline`, on the monotonic clock, for those whose role is not known yet. From then on
    /// each session that would be refused either stands in the session table or has been told to end.
    void end_pending_logins(core::Timestamp deadline, bool waits);

    /// The roles of all sessions that would be refused, found by end_pending_logins().
    const core::vector<Oid>& refused_roles() const noexcept { return refused_; }

    /// Waits for those that were told to end. How many are left at the deadline, with those that were not.
    int wait_for_pending_logins(core::Timestamp deadline);
    /// How many were not told to end: of no role, or not reached in time.
    int open() const noexcept { return open_; }

  protected:
    /// Both live as long as the sweep; the reason may be null.
    ServerSweep(const GateState& state, const char* reason) noexcept : state_(state), ended_(reason) {}
    ~ServerSweep() = default;

    /// Ends whom it may. How many have no role yet, or were not reached in time.
    virtual int look() = 0;

    const GateState& state() const noexcept { return state_; }
    /// As whoever logs in to a database is.
    bool is_refused(Oid role);
    bool is_ended(std::int32_t pid) const noexcept { return ended_.has(pid); }
    /// False where there is no time any more.
    bool end(std::int32_t pid, Oid role);

  private:
    /// Asked when it is pinned by its pid, besides that it is in the process array with that role.
    virtual bool is_still(std::int32_t pid) = 0;

    const GateState& state_;
    core::vector<Oid> refused_;
    core::vector<Oid> let_in_;
    EndedLogins ended_;
    core::Timestamp deadline_ = 0;
    int open_ = 0;
};

} // namespace sessionctl::pg
