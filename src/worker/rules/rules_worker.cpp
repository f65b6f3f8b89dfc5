#include "worker/rules/rules_worker.hpp"

#include "pg/catalog_scope.hpp"
#include "pg/extension.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/settings.hpp"
#include "worker/rules/rule_checks.hpp"
#include "worker/rules/rule_records.hpp"

extern "C" {
#include "access/xlog.h"
#include "utils/guc.h"
}

namespace sessionctl::worker {

namespace {

/// A standby is not told when replay changes the rules.
constexpr core::Timestamp standby_interval = 60 * core::microseconds_per_second;
/// Then what the checks have found is acted on, and actions are moved on; the other rules stay due.
constexpr core::Timestamp longest_look = core::microseconds_per_second;

} // namespace

volatile std::sig_atomic_t rules_configuration_changed = 0;

RulesWorker::RulesWorker()
    : ages_(pg::call([] { return compat::status_array().count; })),
      wait_event_(pg::call([] { return compat::own_wait_event("PgSessionctlRules"); })) {}

void RulesWorker::run() {
    while (!must_leave()) {
        if (rules_configuration_changed)
            reload();
        if (must_read() && !read())
            return;
        sleep_until(std::min(tick(), next_read_));
    }
}

bool RulesWorker::must_leave() const noexcept {
    const pg::SharedRules& rules = shared_rules();
    return rules.kept_away > 0 || pg::rules_setting() == pg::RulesMode::off || has_other_database_ ||
           pg::shared_memory()->reaper.latch == nullptr;
}

void RulesWorker::reload() {
    rules_configuration_changed = 0;
    const core::string before = pg::rules_database_setting();
    const bool was_dry_run = pg::rules_setting() == pg::RulesMode::log;
    pg::call([] { ProcessConfigFile(PGC_SIGHUP); });
    has_other_database_ = before != pg::rules_database_setting();
    if (was_dry_run && pg::rules_setting() == pg::RulesMode::on)
        end_dry_run();
}

void RulesWorker::end_dry_run() {
    for (const std::unique_ptr<LoadedRule>& each : rules_)
        if (each->rule.action != core::RuleAction::log)
            each->streaks.forget_actions();
}

bool RulesWorker::must_read() const noexcept {
    return changes_ != shared_rules().changes || pg::monotonic_now() >= next_read_;
}

bool RulesWorker::read() {
    pg::SharedRules& rules = shared_rules();
    const std::int64_t changes = rules.changes;
    next_read_ = RecoveryInProgress() ? pg::monotonic_now() + standby_interval : INT64_MAX;
    {
        const pg::ScratchMemory scratch;
        SetCurrentStatementStartTimestamp();
        pg::CatalogScope catalogs;
        table_ = pg::lock_rule_table();
        core::vector<pg::RuleRow> rows;
        if (OidIsValid(table_)) {
            pg::require_matching_script();
            rows = pg::read_rules();
        }
        replace_rules(rows);
        catalogs.leave();
    }
    changes_ = changes;
    const bool has_any =
        std::any_of(rules_.begin(), rules_.end(),
                    [](const std::unique_ptr<LoadedRule>& each) { return each->row.is_enabled; });
    if (!has_any)
        rules.nothing_to_do_at = changes;
    return has_any;
}

void RulesWorker::replace_rules(const core::vector<pg::RuleRow>& rows) {
    const pg::MemoryScope lasting(TopMemoryContext);
    core::vector<std::unique_ptr<LoadedRule>> rules;
    for (const pg::RuleRow& row : rows) {
        const auto is_it = [&row](const std::unique_ptr<LoadedRule>& each) {
            return each != nullptr && std::strcmp(each->row.version, row.version) == 0;
        };
        const auto same = std::find_if(rules_.begin(), rules_.end(), is_it);
        rules.push_back(same != rules_.end() ? std::move(*same) : load_rule(row));
    }
    rules_ = std::move(rules);
    change_records([this] {
        for (pg::RuleRecord& record : shared_rules().records)
            record.is_present = false;
        for (const std::unique_ptr<LoadedRule>& each : rules_)
            if (each->record != nullptr)
                each->record->is_present = true;
    });
    shared_rules().has_been_read = true;
}

core::Timestamp RulesWorker::tick() {
    if (!due_rules().empty())
        check_due();
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
    pg::CatalogScope catalogs;
    if (pg::lock_rule_table() != table_) { // the extension is dropped, or made anew
        ++shared_rules().changes;
    } else {
        pg::RuleTick tick(ages_);
        core::vector<core::Claim> claims = check_in_turn(tick);
        if (tick.is_steady())
            act(core::settle_claims(std::move(claims)), tick);
    }
    catalogs.leave();
    pg::call([] { compat::signal_listeners(); });
}

core::vector<core::Claim> RulesWorker::check_in_turn(pg::RuleTick& tick) {
    const core::Timestamp began = pg::monotonic_now();
    core::vector<core::Claim> claims;
    for (const std::size_t place : due_rules()) {
        if (must_leave() || pg::monotonic_now() - began > longest_look)
            break;
        check(*rules_[place], static_cast<std::int32_t>(place), tick, enforcer_, claims);
    }
    return claims;
}

core::Timestamp RulesWorker::move_actions_on() {
    if (!enforcer_.is_busy())
        return INT64_MAX;
    const pg::ScratchMemory scratch;
    pg::CatalogScope catalogs; // for a message in the session's encoding
    const core::Timestamp next = enforcer_.move_on(forget, this);
    catalogs.leave();
    return next;
}

void RulesWorker::act(const core::vector<core::Claim>& claims, pg::RuleTick& tick) {
    for (const core::Claim& claim : claims) {
        LoadedRule& rule = *rules_[claim.rule];
        if (core::room_for_actions(rule.rule, rule.record->action_times, pg::monotonic_now()) > 0)
            act(rule, claim.session, tick);
        else
            rule.record->held_back += rule.streaks.hold_back(claim.session);
    }
}

void RulesWorker::act(LoadedRule& rule, const core::Session& session, pg::RuleTick& tick) {
    change_records([&rule] { rule.record->action_times.add(pg::monotonic_now()); });
    const bool has_acted =
        enforcer_.act({rule.row, rule.rule, *rule.record}, session, tick.roster_for(rule.row.owner_oid));
    if (!has_acted) {
        change_records([&rule] { rule.record->action_times.take_back(); });
        return;
    }
    if (core::MatchStreaks::Known* const known = rule.streaks.find(session))
        known->was_acted_on = true;
    ++rule.record->acted;
    rule.record->last_acted = GetCurrentTimestamp();
}

void RulesWorker::forget(void* self, const char* name, const core::Session& session) {
    for (const std::unique_ptr<LoadedRule>& each : static_cast<RulesWorker*>(self)->rules_)
        if (std::strcmp(each->row.name, name) == 0)
            each->streaks.forget(session);
}

void RulesWorker::sleep_until(core::Timestamp next) {
    const core::Timestamp left = std::max<core::Timestamp>(next - pg::monotonic_now(), 0);
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
