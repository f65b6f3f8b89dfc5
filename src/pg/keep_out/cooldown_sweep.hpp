// After the cooldowns are set: the logins of the same kind that went through just before, while the sessions
// were chosen. No condition has seen them.
#pragma once

#include "pg/keep_out/cooldown.hpp"
#include "pg/keep_out/ended_logins.hpp"

namespace sessionctl::pg {

class CooldownSweep {
  public:
    /// All live as long as this; the reason may be null.
    CooldownSweep(const core::vector<core::LoginKey>& logins, const Roster& roster, const char* reason)
        : logins_(logins), roster_(roster), ended_logins_(reason) {}

    /// Ends every login of these that has its pass and was no session when the roster was taken. Waits a
    /// moment, and on the monotonic clock until `deadline`, for those whose role is not known yet.
    void end_pending_logins(core::Timestamp deadline);
    /// Waits for them, on the monotonic clock until `deadline`. How many are left, with those of no role.
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
};

} // namespace sessionctl::pg
