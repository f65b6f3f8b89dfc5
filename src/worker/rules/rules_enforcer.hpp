// What a session rule does about a session: log it, notify, or act on it; and the record of the outcome.
#pragma once

#include "core/rules/rule_check.hpp"
#include "core/rules/rule_in_flight.hpp"
#include "pg/audit/audit_record.hpp"
#include "pg/monotonic.hpp"
#include "pg/rules/rule_table.hpp"
#include "pg/rules/shared_rules.hpp"
#include "pg/sessions/client_message.hpp"
#include "pg/sessions/drain_requesters.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::worker {

/// Its texts and its counters are the caller's.
struct ActingRule {
    const pg::RuleRow& row;
    const core::SessionRule& rule;
    pg::RuleRecord& record;
};

class RulesEnforcer {
  public:
    RulesEnforcer();

    /// Is an action on this session in flight?
    bool has(const core::Session& session) const noexcept;
    /// A weaker action goes on beside a stronger one. What other roles have begun keeps no rule of a
    /// superuser away.
    core::Hold hold(const core::Session& session, const ActingRule& rule, bool is_superusers) const noexcept;
    /// How many are that this rule began?
    std::int64_t count(const char* rule) const noexcept;
    bool is_busy() const noexcept { return !actions_.empty(); }

    /// Acts on one session, which is on the roster that the rule's owner sees. In a transaction. True if it
    /// was acted on, which is charged to the rule.
    bool act(const ActingRule& rule, const core::Session& session, const pg::Roster& roster);

    /// In a transaction of their own, after that of the actions: where the server has no room for them, only
    /// they are lost.
    void send_notifications();

    /// Before each further signal, and once a second, since who is asked to end does so by itself: may the
    /// actions go on?
    bool is_review_due() const noexcept;
    /// `outcome_now` is called with the action's rule, that rule's owner at its begin, whether the action
    /// closes the session's socket, and the session. Any outcome but `chosen` ends the action.
    template <typename OutcomeNow>
    void review(OutcomeNow&& outcome_now);

    /// Moves all actions on; returns when to do so again, on the monotonic clock. `over` is called with the
    /// name of the rule and the session of each that has had its effect while the session is still there.
    core::Timestamp move_on(void (*over)(void* context, const char* rule, const core::Session& session),
                            void* context);
    /// The worker exits: records what is not proven, and withdraws its requests.
    void finish() noexcept;

  private:
    struct Action {
        core::RuleInFlight flight;
        core::RuleAction kind;
        pg::RuleRecord* shared;
        std::int32_t resets; // of its numbers, when the action began
        LocalTransactionId transaction;
        std::int64_t cooldown; // ms
        bool closes_sockets;
        Oid owner;
        bool is_superusers;
        core::Timestamp began; // monotonic
        pg::ClientMessage client_message;
        pg::AuditRecord record;
        char rule[core::longest_rule_name + 1];
    };

    struct Notification {
        core::string payload;
        pg::AuditRecord record;
    };

    bool begin(const ActingRule& rule, const pg::RosterEntry& entry, pg::AuditRecord& record,
               const pg::Roster& roster);
    bool move_on(Action& action, const pg::Roster* roster);
    void record_outcome(Action& action) noexcept;

    core::vector<Action> actions_;
    core::vector<Notification> notifications_;
    core::Timestamp reviewed_at_ = 0;
    pg::LastingRequests requester_{pg::LastingRequester::rules};
    pg::RecentLockWaits waits_;
};

template <typename OutcomeNow>
void RulesEnforcer::review(OutcomeNow&& outcome_now) {
    reviewed_at_ = pg::monotonic_now();
    for (Action& action : actions_) {
        if (!action.flight.may_act_again())
            continue;
        const core::Outcome outcome =
            outcome_now(action.rule, action.owner, action.closes_sockets, action.flight.target().session);
        if (outcome != core::Outcome::chosen)
            action.flight.give_up(outcome);
    }
}

} // namespace sessionctl::worker
