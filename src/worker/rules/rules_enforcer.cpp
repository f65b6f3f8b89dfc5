#include "worker/rules/rules_enforcer.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/keep_out/cooldown.hpp"
#include "pg/logins/cooldown_sweep.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/signals.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "worker/before_commit.hpp"

extern "C" {
#include "access/xlog.h"
#include "commands/async.h"
#include "utils/json.h"
}

namespace sessionctl::worker {

namespace {

constexpr core::Timestamp first_look_pause = core::microseconds_per_millisecond;
constexpr core::Timestamp longest_look_pause = 100 * core::microseconds_per_millisecond;
constexpr core::Timestamp look_pause_divisor = 20;
constexpr core::Timestamp review_interval = core::microseconds_per_second;
constexpr char channel[] = "pg_sessionctl";

/// The server for a rule's signals. The first one reaches the session only in the transaction and in the
/// statement in which it matched.
class RuleServer final : public BeforeCommit<pg::LiveServer> {
  public:
    RuleServer(const pg::ClientMessage& client_message, pg::CallCooldowns* cooldown,
               std::optional<LocalTransactionId> matched_in)
        : BeforeCommit(client_message, nullptr, cooldown), matched_in_(matched_in) {}

    bool spares(const core::Session& session) override {
        return BeforeCommit::spares(session) ||
               (matched_in_ && (transaction() != *matched_in_ || goes_on(session, *matched_in_)));
    }

  private:
    /// In a transaction that is held, too, the next statement may have begun.
    bool is_changed() override {
        const core::Session& matched = pinned();
        return matched_in_ && core::outcome_of_recheck(core::recheck_of_rule(matched), matched,
                                                       look(matched)) != core::Outcome::chosen;
    }

    /// A session that is shown as idle but is runnable has its client's next statement already. One that ran
    /// a statement in no transaction was between two of a procedure, or about to begin its first.
    static bool goes_on(const core::Session& matched, LocalTransactionId transaction) {
        if (core::is_idle(matched.state))
            return pg::is_runnable(matched.id.pid);
        const bool runs_statements =
            matched.kind == core::Kind::client ||
            (matched.kind == core::Kind::database_walsender && !pg::is_streaming(matched));
        return transaction == InvalidLocalTransactionId && core::is_active(matched.state) && runs_statements;
    }

    const std::optional<LocalTransactionId> matched_in_;
};

/// Who is asked finds the rule's message.
class RuleRequests final : public core::DrainRequester {
  public:
    RuleRequests(pg::LastingRequests& requests, const pg::ClientMessage& client_message)
        : requests_(requests), client_message_(client_message) {}

    void ask(const core::Session& session) override {
        pg::put_client_message(session, false, client_message_);
        requests_.ask(session);
    }
    core::DrainAnswer answer_of(const core::Session& session) noexcept override {
        return requests_.answer_of(session);
    }

  private:
    pg::LastingRequests& requests_;
    const pg::ClientMessage& client_message_;
};

pg::ClientMessage client_message_of(const pg::RuleRow& row) {
    pg::ClientMessage client_message = {};
    const core::string reason = row.reason != nullptr ? pg::kept_reason(row.reason) : core::string();
    pg::keep(client_message.detail, core::rule_detail(pg::kept_name(row.name), reason));
    return client_message;
}

pg::AuditRecord record_of(const pg::RuleRow& row, const pg::RosterEntry& entry) {
    pg::AuditRecord record = {};
    record.describe(entry);
    record.by_session_id.set(core::SessionId(pg::own_identity()).text);
    record.by_current_user.set(row.owner);
    record.rule.set(row.name);
    record.set_field(record.condition, row.condition);
    record.set_field(record.reason, row.reason);
    return record;
}

/// Everybody may listen: it says what pg_stat_activity shows everybody.
core::string notification_of(const pg::RuleRow& row, const pg::RosterEntry& entry) {
    return pg::call([&] {
        StringInfoData payload;
        initStringInfo(&payload);
        const auto add = [&payload](const char* key, const char* value) {
            appendStringInfo(&payload, ", \"%s\": ", key);
            if (value != nullptr)
                escape_json(&payload, pg::readable(value));
            else
                appendStringInfoString(&payload, "null");
        };
        appendStringInfo(&payload, "{\"pid\": %d", entry.facts.id.pid);
        add("rule", row.name);
        add("usename", entry.role_facts.name);
        add("datname", entry.database_name);
        add("application_name", entry.application_name);
        appendStringInfoChar(&payload, '}');
        return static_cast<const char*>(payload.data);
    });
}

} // namespace

RulesEnforcer::RulesEnforcer() = default;

bool RulesEnforcer::has(const core::Session& session) const noexcept {
    return std::any_of(actions_.begin(), actions_.end(), [&session](const Action& each) {
        return each.flight.target().session.id == session.id;
    });
}

core::Hold RulesEnforcer::hold(const core::Session& session, const ActingRule& rule,
                               bool is_superusers) const noexcept {
    core::Hold hold = core::Hold::none;
    for (const Action& each : actions_) {
        if (each.flight.target().session.id != session.id)
            continue;
        if (std::strcmp(each.rule, rule.row.name) == 0)
            return core::Hold::own;
        if (each.kind >= rule.rule.action && (each.is_superusers || !is_superusers))
            hold = core::Hold::others;
    }
    return hold;
}

std::int64_t RulesEnforcer::count(const char* rule) const noexcept {
    return std::count_if(actions_.begin(), actions_.end(),
                         [rule](const Action& each) { return std::strcmp(each.rule, rule) == 0; });
}

bool RulesEnforcer::act(const ActingRule& rule, const core::Session& session, const pg::Roster& roster) {
    const pg::RosterEntry& entry = roster.at(session.id.pid);
    pg::AuditRecord record = record_of(rule.row, entry);
    record.evidence = pg::evidence_of(entry, waits_);
    const bool only_logs = pg::rules_setting() == pg::RulesMode::log ||
                           rule.rule.action == core::RuleAction::log ||
                           (rule.rule.action == core::RuleAction::notify && RecoveryInProgress());
    if (!only_logs && rule.rule.action != core::RuleAction::notify)
        return begin(rule, entry, record, roster);
    record.action.set(only_logs ? "log" : "notify");
    if (!only_logs) {
        const core::string payload = notification_of(rule.row, entry);
        const pg::MemoryScope lasting(TopMemoryContext);
        notifications_.push_back({payload, record});
        return true;
    }
    record.result.set("spared");
    if (rule.rule.action != core::RuleAction::log) {
        pg::LogLine details;
        details.add("action", core::rule_action_name(rule.rule.action));
        record.details.set(details.pairs());
    }
    pg::keep_record(record);
    return true;
}

bool RulesEnforcer::begin(const ActingRule& rule, const pg::RosterEntry& entry, pg::AuditRecord& record,
                          const pg::Roster& roster) {
    const core::Timestamp now = pg::monotonic_now();
    Action action = {core::RuleInFlight(core::RuleMeans(rule.rule), entry.facts, now),
                     rule.rule.action,
                     &rule.record,
                     rule.record.resets,
                     entry.transaction,
                     rule.rule.cooldown,
                     rule.rule.closes_sockets,
                     rule.row.owner_oid,
                     pg::call([&rule] { return superuser_arg(rule.row.owner_oid); }),
                     now,
                     client_message_of(rule.row),
                     record,
                     {}};
    action.record.action.set(core::rule_action_name(rule.rule.action));
    strlcpy(action.rule, rule.row.name, sizeof action.rule);
    const bool is_over = move_on(action, &roster);
    if (!action.flight.has_acted())
        return false;
    if (is_over) {
        record_outcome(action);
    } else {
        const pg::MemoryScope lasting(TopMemoryContext);
        actions_.push_back(action);
    }
    return true;
}

/// The roster is there at the first signal.
bool RulesEnforcer::move_on(Action& action, const pg::Roster* roster) {
    RuleRequests requests(requester_, action.client_message);
    if (action.kind == core::RuleAction::drain) {
        DrainBeforeCommit server;
        return action.flight.move_on(server, requests);
    }
    const bool is_first = roster != nullptr;
    std::optional<pg::CallCooldowns> cooldown;
    if (is_first && action.cooldown > 0)
        cooldown.emplace(action.cooldown, *roster, nullptr, action.owner);
    RuleServer server(action.client_message, cooldown ? &*cooldown : nullptr,
                      is_first ? std::optional(action.transaction) : std::nullopt);
    const bool is_over = action.flight.move_on(server, requests);
    if (cooldown) {
        pg::CooldownSweep sweep(cooldown->logins(), *roster, nullptr);
        sweep.end_pending_logins_at_once();
    }
    return is_over;
}

void RulesEnforcer::record_outcome(Action& action) noexcept {
    const core::Target& target = action.flight.target();
    const bool has_ended =
        target.outcome == core::Outcome::terminated || target.outcome == core::Outcome::cancelled;
    action.record.result.set(core::outcome_name(target.outcome));
    pg::keep_record(action.record);
    if (action.shared->resets == action.resets) // else it is another rule by now
        action.shared->ended += has_ended;
    if (action.kind != core::RuleAction::drain)
        return;
    requester_.withdraw(target.session);
    if (!has_ended)
        pg::clear_client_message(target.session);
}

void RulesEnforcer::send_notifications() {
    if (notifications_.empty())
        return;
    core::vector<Notification> sent;
    sent.swap(notifications_);
    const char* result = "notified";
    const pg::ErrorMemory errors;
    try {
        pg::in_transaction([&sent] {
            for (const Notification& each : sent)
                pg::call([&each] { Async_Notify(channel, each.payload.c_str()); });
        });
    } catch (const pg::PgError& error) {
        result = "spared";
        pg::call([&error] {
            ereport(LOG, (errmsg("pg_sessionctl: session rules could not notify: %s", error.what())));
        });
    }
    for (Notification& each : sent) {
        each.record.result.set(result);
        pg::keep_record(each.record);
    }
    pg::call([] { compat::signal_listeners(); });
}

bool RulesEnforcer::is_review_due() const noexcept {
    const core::Timestamp now = pg::monotonic_now();
    return now - reviewed_at_ >= review_interval ||
           std::any_of(actions_.begin(), actions_.end(), [now](const Action& each) {
               return each.flight.due() <= now && each.flight.may_act_again();
           });
}

core::Timestamp RulesEnforcer::move_on(void (*over)(void*, const char*, const core::Session&),
                                       void* context) {
    core::Timestamp next = INT64_MAX;
    const auto is_over = [&](Action& action) {
        if (!move_on(action, nullptr)) {
            const core::Timestamp now = pg::monotonic_now();
            next = std::min(next, now + std::clamp((now - action.began) / look_pause_divisor,
                                                   first_look_pause, longest_look_pause));
            return false;
        }
        record_outcome(action);
        if (action.flight.target().outcome == core::Outcome::cancelled)
            over(context, action.rule, action.flight.target().session);
        return true;
    };
    actions_.erase(std::remove_if(actions_.begin(), actions_.end(), is_over), actions_.end());
    return next;
}

void RulesEnforcer::finish() noexcept {
    for (Action& action : actions_) {
        if (action.flight.target().outcome == core::Outcome::chosen) // it was asked to end
            action.flight.give_up(core::Outcome::still_running);
        record_outcome(action);
    }
    actions_.clear();
}

} // namespace sessionctl::worker
