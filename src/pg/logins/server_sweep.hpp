// After the server is locked down: ends the logins that were pending just before. They are in no session
// table yet, and their clients can keep them there (post_auth_delay).
#pragma once

#include "core/memory.hpp"
#include "pg/keep_out/gate.hpp"
#include "pg/logins/ended_logins.hpp"

namespace sessionctl::pg {

/// The common part of the gate's and pg_hba.conf's sweeps: which roles are refused, and ending their logins.
class ServerSweep {
  public:
    /// Ends every pending login that would now be refused. If it `waits`, it waits until `deadline`
    /// (monotonic) for those without a role. Afterwards each session that would be refused is in the session
    /// table or has been signalled.
    void end_pending_logins(core::Timestamp deadline, bool waits);

    /// The roles of all sessions that would be refused, found by end_pending_logins().
    const core::vector<Oid>& refused_roles() const noexcept { return refused_; }

    /// Waits for the end of those that were signalled. Returns how many are left at the deadline, including
    /// those that were not signalled.
    int wait_for_pending_logins(core::Timestamp deadline);
    /// How many were not signalled: without a role, or not reached in time.
    int open() const noexcept { return open_; }

  protected:
    /// Both must outlive the sweep; the reason may be null.
    ServerSweep(const GateState& state, const char* reason) noexcept : state_(state), ended_(reason) {}
    ~ServerSweep() = default;

    /// Ends the logins that it may. Returns how many have no role yet, or were not reached in time.
    virtual int look() = 0;

    const GateState& state() const noexcept { return state_; }
    /// Checked as a login to a database.
    bool is_refused(Oid role);
    bool is_ended(std::int32_t pid) const noexcept { return ended_.has(pid); }
    /// False if the time is over.
    bool end(std::int32_t pid, Oid role);

  private:
    /// Called when its pid is pinned, if it is still in the process array with that role.
    virtual bool is_still(std::int32_t pid) = 0;

    const GateState& state_;
    core::vector<Oid> refused_;
    core::vector<Oid> let_in_;
    EndedLogins ended_;
    core::Timestamp deadline_ = 0;
    int open_ = 0;
};

} // namespace sessionctl::pg
