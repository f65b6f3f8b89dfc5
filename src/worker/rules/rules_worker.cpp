#include "worker/rules/rules_worker.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "worker/rules/rule_checks.hpp"
#include "worker/rules/rule_records.hpp"

#include <optional>
#include <utility>

extern "C" {
#include "utils/guc.h"
}

namespace sessionctl::worker {

namespace {

/// Then what the checks have found is acted on, and actions are moved on; the other rules stay due.
constexpr core::Timestamp longest_look = core::microseconds_per_second;

/// What the rights of the rule's owner make of the session at this moment; chosen: it may be acted on.
core::Outcome outcome_now(const LoadedRule& rule, bool closes_socket, const core::Session& session,
                          pg::RuleTick& now) {
    const Oid owner = rule.row.owner_oid;
    if (!pg::owner_problem(rule.row).empty() ||
        (closes_socket && !pg::call([owner] { return superuser_arg(owner); })))
        return core::Outcome::denied;
    const pg::RosterEntry* const entry = now.roster_for(owner).find(session.id.pid);
    if (entry == nullptr || entry->facts.id != session.id)
        return core::Outcome::chosen; // it is gone, as will be seen
    return core::outcome_of_protection(core::protection_of(entry->facts, rule.rule.guards.include));
}

} // namespace

volatile std::sig_atomic_t rules_configuration_changed = 0;

RulesWorker::RulesWorker()
    : ages_(pg::call([] { return compat::status_array().count; })),
      wait_event_(pg::call([] { return compat::own_wait_event("PgSessionctlRules"); })) {}

void RulesWorker::run() {
    begin_or_end_dry_run();
    while (!must_leave()) {
        if (rules_configuration_changed) {
            reload();
            continue;
        }
        if (rules_.must_read() && !rules_.read())
            return;
        sleep_until(std::min(tick(), rules_.next_read()));
    }
}

bool RulesWorker::must_leave() const noexcept {
    const pg::SharedRules& rules = shared_rules();
    return rules.pid != MyProcPid || rules.kept_away > 0 || pg::rules_setting() == pg::RulesMode::off ||
           has_other_database_ || pg::shared_memory()->reaper.latch == nullptr;
}

void RulesWorker::reload() {
    rules_configuration_changed = 0;
    const core::string before = pg::rules_database_setting();
    pg::call([] { ProcessConfigFile(PGC_SIGHUP); });
    has_other_database_ = before != pg::rules_database_setting();
    begin_or_end_dry_run();
}

void RulesWorker::begin_or_end_dry_run() {
    core::Timestamp& since = shared_rules().dry_run_since;
    if (pg::rules_setting() == pg::RulesMode::log && since == 0)
        since = pg::monotonic_now();
    if (pg::rules_setting() != pg::RulesMode::on || since == 0)
        return;
    for (const std::unique_ptr<LoadedRule>& each : rules_)
        if (each->rule.action != core::RuleAction::log)
            each->streaks.forget_actions();
    change_records([since] {
        for (pg::RuleRecord& record : shared_rules().records)
            if (record.action != core::RuleAction::log)
                record.action_times.forget_after(since);
    });
    since = 0;
}

core::Timestamp RulesWorker::tick() {
    awaited_.hasten(rules_);
    if (!due_rules().empty())
        check_due();
    awaited_.let_go(rules_);
    core::Timestamp next = move_actions_on();
    for (const std::unique_ptr<LoadedRule>& each : rules_)
        if (each->is_checked())
            next = std::min(next, each->times.next());
    return next;
}

core::vector<std::size_t> RulesWorker::due_rules() const {
    core::vector<const core::CheckTimes*> times;
    for (const std::unique_ptr<LoadedRule>& each : rules_)
        times.push_back(each->is_checked() ? &each->times : nullptr);
    return core::due_checks(times, pg::monotonic_now());
}

void RulesWorker::check_due() {
    const pg::ScratchMemory scratch;
    SetCurrentStatementStartTimestamp(); // now() in conditions
    std::optional<pg::RuleTick> tick;
    pg::in_transaction([&] {
        if (pg::rule_table() == rules_.table())
            tick.emplace(ages_);
        else // the extension is dropped, or made anew
            ++shared_rules().changes;
    });
    if (!tick)
        return;
    core::vector<core::Claim> claims = check_in_turn(*tick);
    if (!claims.empty() && tick->is_steady() && !must_leave())
        pg::in_transaction([&] { settle_all(std::move(claims), *tick); });
    enforcer_.send_notifications();
}

core::vector<core::Claim> RulesWorker::check_in_turn(pg::RuleTick& tick) {
    const core::Timestamp began = pg::monotonic_now();
    const auto is_over = [&] { return must_leave() || pg::monotonic_now() - began > longest_look; };
    core::vector<core::Claim> claims;
    const auto check_one = [&](std::size_t place) {
        const core::Timestamp start = pg::monotonic_now();
        check(rules_[place], static_cast<std::int32_t>(place), tick, enforcer_, claims);
        const core::Timestamp now = pg::monotonic_now();
        const pg::MemoryScope lasting(TopMemoryContext);
        shares_.used(rules_[place].row.owner_oid, now - start, now);
    };
    core::vector<std::size_t> later;
    for (const std::size_t place : due_rules()) {
        if (is_over())
            break;
        if (shares_.are_used_up(rules_[place].row.owner_oid, pg::monotonic_now()))
            later.push_back(place);
        else
            check_one(place);
    }
    for (auto place = later.begin(); place != later.end() && !is_over(); ++place)
        check_one(*place);
    return claims;
}

core::Timestamp RulesWorker::move_actions_on() {
    if (!enforcer_.is_busy())
        return INT64_MAX;
    const pg::ScratchMemory scratch;
    pg::CatalogScope catalogs; // for names, rights, and a message in the session's encoding
    if (enforcer_.is_review_due())
        review_actions();
    const core::Timestamp next = enforcer_.move_on(forget, this);
    catalogs.leave();
    return next;
}

void RulesWorker::review_actions() {
    pg::RuleTick now;
    enforcer_.review([&](const char* name, Oid owner, bool closes_socket, const core::Session& session) {
        const auto rule =
            std::find_if(rules_.begin(), rules_.end(), [=](const std::unique_ptr<LoadedRule>& each) {
                return std::strcmp(each->row.name, name) == 0 && each->row.owner_oid == owner;
            });
        if (rule == rules_.end() || !(*rule)->is_checked() || pg::rules_setting() != pg::RulesMode::on)
            return core::Outcome::spared;
        return outcome_now(**rule, closes_socket, session, now);
    });
}

void RulesWorker::settle_all(core::vector<core::Claim> claims, pg::RuleTick& tick) {
    pg::RuleTick now;
    for (const core::Contest& contest : core::settle_claims(std::move(claims)))
        settle(contest, {tick, now});
}

void RulesWorker::settle(const core::Contest& contest, const Looks& looks) {
    const auto acted_on = std::find_if(contest.begin(), contest.end(),
                                       [&](const core::Claim& claim) { return act(claim, looks); });
    if (acted_on == contest.end() || enforcer_.has(acted_on->session))
        return;
    // It goes on as before: nor do the weaker rules act in this match of theirs.
    for (auto weaker = std::next(acted_on); weaker != contest.end(); ++weaker)
        if (core::MatchStreaks::Known* const known = rules_[weaker->rule].streaks.find(weaker->session))
            known->was_acted_on = true;
}

bool RulesWorker::act(const core::Claim& claim, const Looks& looks) {
    LoadedRule& rule = rules_[claim.rule];
    if (outcome_now(rule, rule.rule.closes_sockets, claim.session, looks.now) != core::Outcome::chosen)
        return false;
    if (core::room_for_actions(rule.rule, rule.record->action_times, pg::monotonic_now()) == 0) {
        rule.record->held_back += rule.streaks.hold_back(claim.session);
        return false;
    }
    change_records([&rule] { rule.record->action_times.add(pg::monotonic_now()); });
    const bool has_acted = enforcer_.act({rule.row, rule.rule, *rule.record}, claim.session,
                                         looks.checked.roster_for(rule.row.owner_oid));
    if (!has_acted) {
        change_records([&rule] { rule.record->action_times.take_back(); });
        awaited_.await(rule, claim.session);
        return false;
    }
    if (core::MatchStreaks::Known* const known = rule.streaks.find(claim.session))
        known->was_acted_on = true;
    ++rule.record->acted;
    rule.record->last_acted = GetCurrentTimestamp();
    return true;
}

void RulesWorker::forget(void* self, const char* name, const core::Session& session) {
    for (const std::unique_ptr<LoadedRule>& each : static_cast<RulesWorker*>(self)->rules_)
        if (std::strcmp(each->row.name, name) == 0)
            each->streaks.forget(session);
}

void RulesWorker::sleep_until(core::Timestamp next) {
    const core::Timestamp now = pg::monotonic_now();
    const core::Timestamp left = next > now ? next - now : 0; // what was never done is due at INT64_MIN
    const long wait =
        next == INT64_MAX
            ? -1L
            : static_cast<long>(std::min<core::Timestamp>((left + core::microseconds_per_millisecond - 1) /
                                                              core::microseconds_per_millisecond,
                                                          INT_MAX));
    pg::call([wait, this] {
        compat::clear_pending_cancel(); // of no rule
        compat::wait_latch(wait, wait_event_);
        compat::clear_pending_cancel();
        CHECK_FOR_INTERRUPTS();
        compat::process_catchup();
    });
}

} // namespace sessionctl::worker
