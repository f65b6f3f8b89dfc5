// Cooldowns in shared memory: logins that the gate refuses for a while.
//
// A login is identified by what it sends before its role's settings are read: the application name is the one
// from the startup packet, whatever the session has set since.
//
// No login gets through between the choice of the sessions and their end. As with the gate
// (pg/keep_out/gate.hpp), a login writes its pass before it looks for a cooldown, and a call that sets a
// cooldown reads the passes after it: logins that got in before are ended like those that come later are
// refused (pg/logins/cooldown_sweep).
#pragma once

#include "core/keep_out/cooldown.hpp"
#include "core/memory.hpp"
#include "pg/exit_guard.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/roster.hpp"

#include <atomic>

namespace sessionctl::pg {

struct Cooldowns {
    std::atomic<core::Timestamp> latest_end; // monotonic; 0: there was none yet
    core::CooldownTable table;

    /// The only atomic read of a login if there is no cooldown.
    bool are_over() const noexcept {
        const core::Timestamp end = latest_end.load(std::memory_order_seq_cst);
        return end == 0 || monotonic_now() >= end;
    }
};

struct SessionSlot;

/// Where the session with this pid logged in from. False if the slot belongs to another session by now.
bool origin_of(const SessionSlot& slot, std::int32_t pid, core::Origin& origin) noexcept;

/// Is this login in a cooldown? May raise a PostgreSQL ERROR.
bool find_cooldown(const core::LoginKey& login, core::Cooldown& found);

/// The cooldowns in force. Empty if the library is not preloaded or pg_sessionctl.gate is off.
core::vector<core::Cooldown> running_cooldowns();
/// The number of client sessions with this key.
std::int64_t connected_of(const core::LoginKey& login);

/// The cooldowns that one call sets for the logins whose sessions it ends: for each just before the signal,
/// since a pool reconnects within a millisecond. Superusers and walsenders for physical replication are
/// spared.
class CallCooldowns {
  public:
    /// In ms; 0: sets none. The roster must outlive this; the reason may be null. They are that user's.
    CallCooldowns(std::int64_t milliseconds, const Roster& roster, const char* reason,
                  Oid user = GetSessionUserId());

    /// A longer cooldown of the same setter is left unchanged.
    void begin(const core::Session& session);
    /// After the session was signalled.
    void keep() noexcept;
    /// After it was not: restores the login's previous state, unless another session has set a cooldown
    /// since.
    void withdraw() noexcept;

    const core::vector<core::LoginKey>& logins() const noexcept { return logins_; }
    /// The number of cooldowns that were removed from the full table while in force.
    int displaced() const noexcept { return displaced_; }

  private:
    bool concerns(const core::Session& session, core::LoginKey& login) const;

    const core::Timestamp length_; // microseconds
    const Roster& roster_;
    core::vector<core::LoginKey> logins_; // of the sessions that were signalled
    int displaced_ = 0;
    core::Cooldown next_ = {};
    core::Cooldown before_ = {};
    core::Cooldown* place_ = nullptr; // the last one set, unless it is kept
    bool is_begun_ = false;
    const ExitGuard guard_;
};

} // namespace sessionctl::pg
