// Sessions in the way of one that waits: what core/locks/lock_priority asks about them, and the last look
// before they are signalled.
#pragma once

#include "pg/sessions/live_server.hpp"
#include "worker/before_commit.hpp"
#include "worker/locks/standings.hpp"

namespace sessionctl::worker {

/// Names and rights are read from the catalogs, but only of those that have a lower priority.
class LiveBlockers final : public core::BlockerFacts {
  public:
    LiveBlockers(const WaitingSessions& sessions, const core::WaitStarts& starts, Standings& standings,
                 const WaitingSession& waiting) noexcept
        : sessions_(sessions), starts_(starts), standings_(standings), waiting_(waiting) {}

    bool is_acted_on(const core::ProcLock& waiter) override;
    core::WaitStart start_of(const core::ProcLock& waiter) override;
    std::optional<core::Standing> standing_of(int party) override;

  private:
    const WaitingSessions& sessions_;
    const core::WaitStarts& starts_;
    Standings& standings_;
    const WaitingSession& waiting_;
};

/// Those in its way, and whether they may be ended. Errors: PgError.
core::vector<core::Blocker> blockers_of(const WaitingSessions& sessions, const core::WaitStarts& starts,
                                        Standings& standings, const WaitingSession& waiting);

/// The same anew, at this moment; empty, if this wait is over. Errors: PgError.
core::vector<core::Blocker> blockers_now(const core::LockWait& wait, const core::WaitStarts& starts,
                                         Standings& standings);

/// For the look just before the signal: would it be chosen again, for the same wait?
class BlockerServer final : public BeforeCommit<pg::LiveServer> {
  public:
    /// `standings`: of a moment ago. What is asked of the session itself is looked up anew.
    BlockerServer(const pg::ClientMessage& message, const core::LockWait& wait,
                  const core::WaitStarts& starts, Standings& standings)
        : BeforeCommit(message), wait_(wait), starts_(starts), standings_(standings) {}

    bool spares(const core::Session& session) override;

  private:
    bool is_chosen(const core::Session& session);

    const core::LockWait& wait_;
    const core::WaitStarts& starts_;
    Standings& standings_;
};

} // namespace sessionctl::worker
