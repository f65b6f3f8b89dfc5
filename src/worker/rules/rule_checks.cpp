#include "worker/rules/rule_checks.hpp"

#include "core/error.hpp"
#include "pg/catalog_scope.hpp"
#include "pg/encoding.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/resource_use.hpp"
#include "pg/settings.hpp"
#include "worker/rules/rule_records.hpp"

extern "C" {
#include "storage/latch.h"
#include "storage/lock.h"
#include "utils/timeout.h"
}

namespace sessionctl::worker {

namespace {

TimeoutId watchdog;

/// A check has reached its timeout. The reaper looks from now on whether it ends.
extern "C" void sessionctl_rules_watchdog() noexcept {
    if (Latch* const reaper = pg::shared_memory()->reaper.latch)
        SetLatch(reaper);
}

/// Under the eyes of the reaper.
core::vector<pg::Match> evaluate(LoadedRule& rule, pg::RuleTick& tick) {
    pg::SharedRules& shared = shared_rules();
    const int timeout = pg::rule_timeout_setting();
    shared.checking = static_cast<std::int32_t>(rule.record - shared.records);
    shared.waited_before = pg::wait_for_processor(MyProcPid);
    shared.checking_until = pg::monotonic_now() + 2 * timeout * core::microseconds_per_millisecond;
    enable_timeout_after(watchdog, timeout);
    struct Ended {
        ~Ended() {
            disable_timeout(watchdog, false);
            if (shared_rules().pid != MyProcPid)
                return; // by now it is another worker's
            shared_rules().checking_until = 0;
            shared_rules().checking = pg::SharedRules::none;
        }
    } ended;
    return rule.condition->evaluate(tick, timeout);
}

bool is_superusers(const LoadedRule& rule) {
    return pg::call([owner = rule.row.owner_oid] { return superuser_arg(owner); });
}

/// Empty: it can be checked.
core::string problem_of(const LoadedRule& rule, core::Timestamp now) {
    if (!rule.problem.empty())
        return rule.problem;
    const char* const problem = shared_rules().problem_of_owner(rule.row.owner_oid, now);
    if (problem != nullptr && !is_superusers(rule))
        return problem;
    return pg::owner_problem(rule.row);
}

/// The setting holds for a rule without a bound of its own, too.
void set_refuse_above(LoadedRule& rule) noexcept {
    const int setting = pg::refuse_above_setting();
    if (!rule.row.refuse_above)
        rule.rule.guards.refuse_above = setting > 0 ? std::optional<std::int64_t>(setting) : std::nullopt;
}

class InFlightFor final : public core::ActionsInFlight {
  public:
    InFlightFor(const LoadedRule& rule, const RulesEnforcer& enforcer)
        : rule_{rule.row, rule.rule, *rule.record}, enforcer_(enforcer), is_superusers_(is_superusers(rule)) {
    }

    core::Hold hold(const core::Session& session) const noexcept override {
        return enforcer_.hold(session, rule_, is_superusers_);
    }
    std::int64_t own() const noexcept override { return enforcer_.count(rule_.row.name); }

  private:
    const ActingRule rule_;
    const RulesEnforcer& enforcer_;
    const bool is_superusers_;
};

void claim(LoadedRule& rule, std::int32_t number, const core::vector<pg::Match>& matches, pg::RuleTick& tick,
           const RulesEnforcer& enforcer, core::vector<core::Claim>& claims) {
    const pg::Roster& roster = tick.roster_for(rule.row.owner_oid);
    core::Plan plan;
    for (const pg::Match& match : matches) {
        core::Target target = {};
        target.session = roster.at(match.pid).facts;
        target.group = match.group;
        plan.push_back(target);
    }
    set_refuse_above(rule);
    core::RuleCheck check;
    {
        const pg::MemoryScope lasting(TopMemoryContext);
        check = core::check_rule(rule.rule, number, plan, rule.streaks, rule.record->action_times,
                                 InFlightFor(rule, enforcer), tick.taken_at());
    }
    rule.times.checked(pg::monotonic_now(), rule.rule.check_every);
    rule.record->matched = check.matched;
    rule.record->held_back += check.held_back;
    if (rule.record->last_error[0] != '\0')
        change_records([&rule] { rule.record->last_error[0] = '\0'; });
    claims.insert(claims.end(), check.claims.begin(), check.claims.end());
}

void fail(LoadedRule& rule, const core::string& problem, core::Timestamp now) {
    rule.streaks.restart();
    ++rule.record->errors;
    change_records([&] { rule.record->set_error(problem.c_str()); });
    if (rule.times.failed(now))
        pg::call([&] {
            ereport(LOG, (errmsg("pg_sessionctl: rule \"%s\" could not be checked: %s",
                                 pg::ShownName(rule.row.name).text(), problem.c_str())));
        });
}

/// Those of the session, which a function in a condition may have taken, outlast its transaction.
void release_advisory_locks() {
    pg::call([] { LockReleaseSession(USER_LOCKMETHOD); });
}

} // namespace

void prepare_checks() {
    watchdog = pg::call([] { return RegisterTimeout(USER_TIMEOUT, sessionctl_rules_watchdog); });
}

void check(LoadedRule& rule, std::int32_t number, pg::RuleTick& tick, const RulesEnforcer& enforcer,
           core::vector<core::Claim>& claims) {
    const core::Timestamp began = pg::monotonic_now();
    core::string problem;
    core::vector<pg::Match> matches;
    try {
        const pg::ErrorMemory errors; // until the end of this tick
        // A conflict with replay ends the process of a subtransaction.
        pg::in_transaction([&] {
            problem = problem_of(rule, began);
            if (problem.empty())
                matches = evaluate(rule, tick);
        });
    } catch (const pg::PgError& error) {
        problem = error.what();
    } catch (const core::Error& error) {
        problem = error.what();
    } catch (const std::bad_alloc&) {
        problem = "out of memory";
    }
    release_advisory_locks();
    const core::Timestamp now = pg::monotonic_now();
    ++rule.record->checks;
    rule.record->last_check = GetCurrentTimestamp();
    rule.record->check_time += now - began;
    if (problem.empty())
        claim(rule, number, matches, tick, enforcer, claims);
    else
        fail(rule, problem, now);
}

} // namespace sessionctl::worker
