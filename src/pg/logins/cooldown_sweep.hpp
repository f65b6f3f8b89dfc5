// After cooldowns are set: ends the matching logins that got through just before, while the sessions were
// chosen. No condition has seen them.
#pragma once

#include "pg/keep_out/cooldown.hpp"
#include "pg/logins/ended_logins.hpp"

namespace sessionctl::pg {

class CooldownSweep {
  public:
    /// All arguments must outlive this; the reason may be null.
    CooldownSweep(const core::vector<core::LoginKey>& logins, const Roster& roster, const char* reason)
        : logins_(logins), roster_(roster), ended_logins_(reason) {}

    /// Ends every matching login that has its pass and was no session when the roster was taken. For logins
    /// without a role it waits a moment, at most until `deadline` (monotonic).
    void end_pending_logins(core::Timestamp deadline);
    /// The same without waiting for anything, for what acts by itself: a login that has become a session
    /// since is left alone, since it may be in its first commit.
    void end_pending_logins_at_once();
    /// Waits until `deadline` (monotonic) for their end. Returns how many are left, including those without a
    /// role.
    int wait_for_pending_logins(core::Timestamp deadline);

  private:
    struct PendingLogin {
        const SessionSlot* slot;
        std::int32_t pid;
        core::LoginKey login; // its role is not known yet
    };
    core::vector<PendingLogin> pending_logins() const;
    bool was_session(std::int32_t pid) const noexcept;
    bool is_settled(PendingLogin& pending_login);

    const core::vector<core::LoginKey>& logins_;
    const Roster& roster_;
    EndedLogins ended_logins_;
    int without_role_ = 0;
    bool leaves_sessions_ = false;
};

} // namespace sessionctl::pg
