// test_session_rule: what a rule would do now.

#include "api/rules/owned_rule.hpp"
#include "api/serve.hpp"
#include "api/sessions/report.hpp"
#include "core/error.hpp"
#include "core/rules/rule_check.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/rules/rule_condition.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

using namespace sessionctl;
using api::Arguments;
using api::require_own_rights;
using api::require_owner;
using api::rule_named;

namespace {

constexpr char until_streak[] = "once it has matched for matching_for";
constexpr char by_refuse_above[] = "held back: more sessions match than refuse_above allows";
constexpr char by_at_most[] = "held back: at_most";
constexpr char by_commit[] = "not acted on: it commits";
constexpr char until_enabled[] = "once the rule is enabled";
constexpr char by_last_error[] = "not acted on: the rule is switched off, see last_error";

class NoneInFlight final : public core::ActionsInFlight {
  public:
    core::Hold hold(const core::Session&) const noexcept override { return core::Hold::none; }
    std::int64_t own() const noexcept override { return 0; }
};

/// What its worker knows of it.
struct Known {
    core::ActionTimes times;
    const char* problem; // why it is not checked; null: it is
};

/// If the worker has never read it, as it will begin when it does.
Known known_of(const pg::RuleRow& row) {
    pg::SharedMemory& shared = pg::require_shared_memory("a session rule");
    Known known = {};
    const bool is_superusers = pg::call([&row] { return superuser_arg(row.owner_oid); });
    pg::call([&] {
        LWLockAcquire(shared.rules_lock, LW_SHARED);
        known.times.begin(shared.rules.has_been_read ? INT64_MIN : shared.rules.known_since);
        if (!is_superusers)
            known.problem = shared.rules.problem_of_owner(row.owner_oid, pg::monotonic_now());
        for (const pg::RuleRecord& record : shared.rules.records)
            if (shared.rules.database == MyDatabaseId && std::strcmp(record.name, row.name) == 0)
                known = {record.action_times, record.is_switched_off ? by_last_error : known.problem};
        LWLockRelease(shared.rules_lock);
    });
    return known;
}

/// Those that the rule would act on, as if every action succeeded.
core::vector<core::Claim> acted_on(core::vector<core::Claim> claims, std::size_t room) {
    claims.erase(std::remove_if(claims.begin(), claims.end(),
                                [](const core::Claim& each) { return pg::is_past_abort(each.session); }),
                 claims.end());
    claims.resize(std::min(claims.size(), room));
    return claims;
}

/// As if every session had matched for long enough.
core::Plan test(const pg::RuleRow& row, pg::RuleTick& tick) {
    core::SessionRule rule = pg::rule_of(row);
    if (!rule.guards.refuse_above && pg::refuse_above_setting() > 0)
        rule.guards.refuse_above = pg::refuse_above_setting();
    const pg::Roster& roster = tick.roster_for(row.owner_oid);
    core::Plan plan;
    for (const pg::Match& match :
         pg::RuleCondition(pg::text_of(row)).evaluate(tick, 0)) { // the caller's own timeout and cancels hold
        core::Target target = {};
        target.session = roster.at(match.pid).facts;
        target.session.is_self = false; // to the rule it is a session like any other
        target.group = match.group;
        plan.push_back(target);
    }
    const core::Timestamp matching_for = std::exchange(rule.matching_for, 0);
    core::MatchStreaks streaks;
    const Known known = known_of(row);
    const core::Timestamp now = pg::monotonic_now();
    const core::RuleCheck check = core::check_rule(rule, 0, plan, streaks, known.times, NoneInFlight(), now);
    const core::vector<core::Claim> claims =
        acted_on(check.claims, core::room_for_actions(rule, known.times, now));
    for (core::Target& target : plan) {
        if (target.outcome != core::Outcome::chosen)
            continue;
        const bool is_acted_on =
            std::any_of(claims.begin(), claims.end(), [&target](const core::Claim& claim) {
                return claim.session.id == target.session.id;
            });
        const bool commits = pg::is_past_abort(target.session);
        if (known.problem != nullptr)
            target.reason = known.problem;
        else if (commits)
            target.reason = by_commit;
        else if (!is_acted_on)
            target.reason = check.is_refused ? by_refuse_above : by_at_most;
        if (target.reason != nullptr)
            target.outcome = core::Outcome::spared;
        else if (!row.is_enabled)
            target.reason = until_enabled;
        else if (matching_for > 0)
            target.reason = until_streak;
    }
    return plan;
}

} // namespace

SQL_FUNCTION(sessionctl_test_session_rule)
{
    return api::serve([&]() -> Datum {
        require_own_rights("test");
        const pg::ScratchMemory scratch;
        const pg::RuleRow row = rule_named(Arguments(fcinfo).text("name"));
        require_owner(row);
        const core::string problem = pg::owner_problem(row);
        if (!problem.empty())
            throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                              "session rule \"%s\" is not checked: %s", pg::ShownName(row.name).text(),
                              problem.c_str());
        pg::RuleTick tick;
        const api::Result result = {tick.roster_for(row.owner_oid), test(row, tick)};
        return api::put_report(result, fcinfo);
    });
}
