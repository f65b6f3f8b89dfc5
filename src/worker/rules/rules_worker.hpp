// What the worker for session rules does: reads them, checks each when it is due, and acts.
#pragma once

#include "core/rules/owner_shares.hpp"
#include "pg/rules/rule_tick.hpp"
#include "worker/rules/awaited_commits.hpp"
#include "worker/rules/loaded_rules.hpp"
#include "worker/rules/rules_enforcer.hpp"

#include <csignal>

namespace sessionctl::worker {

/// Set by the signal handler.
extern volatile std::sig_atomic_t rules_configuration_changed;

class RulesWorker {
  public:
    RulesWorker();

    /// Until there is nothing to do here, or somebody needs the database without sessions.
    void run();
    void finish() noexcept { enforcer_.finish(); }

  private:
    bool must_leave() const noexcept;
    void reload();
    /// What was only logged in a dry run has still to be done, and counts for no brake.
    void begin_or_end_dry_run();
    /// Checks the rules that are due, and acts; returns when to do so again.
    core::Timestamp tick();
    core::vector<std::size_t> due_rules() const;
    void check_due();
    core::vector<core::Claim> check_in_turn(pg::RuleTick& tick);
    core::Timestamp move_actions_on();
    void review_actions();
    /// Sessions as the checks have found them, and as they are now.
    struct Looks {
        pg::RuleTick& checked;
        pg::RuleTick& now;
    };
    void settle_all(core::vector<core::Claim> claims, pg::RuleTick& tick);
    void settle(const core::Contest& contest, const Looks& looks);
    /// False if the session was not acted on: the next rule may have it.
    bool act(const core::Claim& claim, const Looks& looks);
    /// The action is over, and the session still there: it may match anew.
    static void forget(void* self, const char* name, const core::Session& session);
    void sleep_until(core::Timestamp next);

    LoadedRules rules_;
    AwaitedCommits awaited_;
    RulesEnforcer enforcer_;
    core::OwnerShares shares_;
    core::SessionAges ages_;
    bool has_other_database_ = false;
    const uint32 wait_event_;
};

} // namespace sessionctl::worker
