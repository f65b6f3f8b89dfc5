// Cooldowns in shared memory: logins that the gate refuses for a while.
//
// A login comes from where it says before it has read its role's settings, and so it will the next time: the
// application's name is the one it logged in with, whatever the session has set since then.
//
// Nobody slips through between the choice of the sessions and their end. As with the gate
// (pg/keep_out/gate.hpp) a login writes its pass before it looks for a cooldown, and who sets one looks at
// the passes after it: logins that went through before are turned away like those that come later
// (pg/keep_out/cooldown_sweep).
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

    /// The one atomic read of a login while there was none.
    bool are_over() const noexcept {
        const core::Timestamp end = latest_end.load(std::memory_order_seq_cst);
        return end == 0 || monotonic_now() >= end;
    }
};

struct SessionSlot;

/// Where the session with this pid logged in from. False where the slot is no longer that session's.
bool origin_of(const SessionSlot& slot, std::int32_t pid, core::Origin& origin) noexcept;

/// Of a login: is it in a cooldown? May raise a PostgreSQL ERROR.
bool find_cooldown(const core::LoginKey& login, core::Cooldown& found);

/// Those that run. None where the library is not preloaded, or
/// pg_sessionctl.gate is off.
core::vector<core::Cooldown> running_cooldowns();
/// How many clients' sessions there are of such logins.
std::int64_t connected_of(const core::LoginKey& login);

/// What one call sets on the logins whose sessions it ends: on each just before the signal, since a pool is
/// back within a millisecond. Superusers and walsenders for physical
/// replication are spared.
class CooldownOrder {
  public:
    /// In ms; 0: nothing is ever set. The roster lives as long as this; the reason may be null.
    CooldownOrder(std::int64_t milliseconds, const Roster& roster, const char* reason);

    /// A longer one of the same setter stays as it is.
    void begin(const core::Session& session);
    /// The session was signalled.
    void keep() noexcept;
    /// It was not: its login is as it was before, unless somebody else has set a cooldown meanwhile.
    void take_back() noexcept;

    const core::vector<core::LoginKey>& logins() const noexcept { return logins_; }
    /// Cooldowns that had to make room while they still ran.
    int displaced() const noexcept { return displaced_; }

  private:
    bool concerns(const core::Session& session, core::LoginKey& login) const;

    const core::Timestamp length_; // microseconds
    const Roster& roster_;
    core::vector<core::LoginKey> logins_; // of those who were signalled
    int displaced_ = 0;
    core::Cooldown next_ = {};
    core::Cooldown before_ = {};
    core::Cooldown* place_ = nullptr; // what was set last, unless it is kept
    bool is_begun_ = false;
    const ExitGuard guard_;
};

} // namespace sessionctl::pg
