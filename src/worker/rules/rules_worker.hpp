// What the worker for session rules does: reads them, checks each when it is due, and acts.
#pragma once

#include "core/rules/owner_shares.hpp"
#include "pg/rules/rule_tick.hpp"
#include "worker/rules/loaded_rule.hpp"
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
    bool must_read() const noexcept;
    /// False if there is no rule to be checked.
    bool read();
    /// False if somebody has locked the table: the rules stay as they are, until it is read later.
    bool read_table();
    void put_off_reading();
    /// Rules whose rows are still the same keep all that is known of their sessions.
    void replace_rules(const core::vector<pg::RuleRow>& rows);

    /// Checks the rules that are due, and acts; returns when to do so again.
    core::Timestamp tick();
    core::vector<std::size_t> due_rules() const;
    void check_due();
    core::vector<core::Claim> check_in_turn(pg::RuleTick& tick);
    /// It has matched and goes on, in its commit or in another transaction by now: it is looked at again
    /// before its next commit.
    void await(LoadedRule& rule, const core::Session& session);
    void hasten_awaited();
    /// Who was looked at again goes on.
    void let_go_of_awaited();
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

    struct Awaited {
        core::Session session;
        LoadedRule* rule;
        std::int64_t checks; // of the rule, by then
    };

    core::vector<std::unique_ptr<LoadedRule>> rules_;
    core::vector<Awaited> awaited_;
    RulesEnforcer enforcer_;
    core::OwnerShares shares_;
    core::SessionAges ages_;
    std::int64_t changes_ = -1; // SharedRules::changes when the rules were read
    Oid table_ = InvalidOid;
    core::Timestamp next_read_ = INT64_MAX;
    core::Timestamp unread_since_ = 0; // the table is locked; 0: it is not
    bool is_lock_told_ = false;
    bool is_start_told_ = false;
    bool has_other_database_ = false;
    const uint32 wait_event_;
};

} // namespace sessionctl::worker
