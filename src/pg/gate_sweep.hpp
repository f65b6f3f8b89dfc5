// After the gate is closed: the logins that went through it just before.
#pragma once

#include "core/memory.hpp"
#include "pg/gate.hpp"
#include "pg/session_table.hpp"

namespace sessionctl::pg {

/// A login between the gate and the session table, where nobody else looks, can stay there for as long as its
/// client likes (post_auth_delay). Its process has a pass, and in the process array, an instant later, a
/// role.
class GateSweep {
  public:
    /// Both live as long as the sweep; the reason may be null.
    GateSweep(const GateState& state, const char* reason) noexcept : state_(state), reason_(reason) {}

    /// Ends every login that the gate would have refused and that is in no session table yet, and waits, on
    /// the monotonic clock until `deadline`, for those whose role is not known yet. From then on each session
    /// that the gate would have refused either stands in the session table or has been told to end.
    void end_newcomers(core::Timestamp deadline);

    /// The roles of all sessions that the gate would have refused, found by end_newcomers().
    const core::vector<Oid>& refused_roles() const noexcept { return refused_; }

    /// Waits for those that were told to end. How many are left at the deadline, with those of no role.
    int wait_for_newcomers(core::Timestamp deadline);
    int without_role() const noexcept { return without_role_; }

  private:
    /// How many have no role yet.
    int look();
    bool is_refused(Oid role);
    void end(std::int32_t pid, Oid role, const std::atomic<std::int32_t>& pass);
    void tell(std::int32_t pid, Oid role);

    const GateState& state_;
    const char* const reason_;
    core::vector<Oid> refused_;
    core::vector<Oid> let_in_;
    core::vector<std::int32_t> ended_;
    int without_role_ = 0;
};

} // namespace sessionctl::pg
