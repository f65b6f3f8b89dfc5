// Sessions in the way of one that waits: what core/locks/lock_priority asks about them, and the last look
// before they are signalled.
#pragma once

#include "core/locks/patience.hpp"
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

/// Those in its way at this moment. Lives no longer than the ScratchMemory that was the innermost when it was
/// made. Errors: PgError.
class BlockersNow {
  public:
    BlockersNow(const WaitingSession& waiting, const core::WaitStarts& starts,
                core::PatienceMonitor& monitor) noexcept
        : waiting_(waiting), starts_(starts), monitor_(monitor) {}

    /// Looks anew, unless it did so just now: where hundreds have to go, a look for each takes seconds.
    bool all_give_way();
    /// Is this transaction one of them?
    bool include(const core::Session& session) const noexcept;

    static constexpr core::Timestamp longest_age = 5 * core::microseconds_per_millisecond;

  private:
    core::vector<core::Blocker> look() const;

    const WaitingSession& waiting_;
    const core::WaitStarts& starts_;
    core::PatienceMonitor& monitor_;
    const MemoryContext memory_ = CurrentMemoryContext;
    core::vector<core::Blocker> blockers_;
    core::Timestamp looked_at_ = 0; // monotonic; 0: not yet
};

/// For the look just before the signal: would it be chosen again, for the same wait, and would all others
/// give way, too?
class BlockerServer final : public BeforeCommit<pg::LiveServer> {
  public:
    BlockerServer(const pg::ClientMessage& message, const WaitingSession& waiting, BlockersNow& blockers,
                  bool has_to_be_idle)
        : BeforeCommit(message), waiting_(waiting), blockers_(blockers), has_to_be_idle_(has_to_be_idle) {}

    bool spares(const core::Session& session) override;

  private:
    bool is_changed() override;

    const WaitingSession& waiting_;
    BlockersNow& blockers_;
    const bool has_to_be_idle_; // in its transaction
};

} // namespace sessionctl::worker
