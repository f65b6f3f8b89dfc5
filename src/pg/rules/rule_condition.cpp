#include "pg/rules/rule_condition.hpp"

#include "core/error.hpp"
#include "core/rules/rule.hpp"
#include "pg/condition/compile.hpp"
#include "pg/condition/matches.hpp"
#include "pg/condition/scope.hpp"
#include "pg/condition/values.hpp"
#include "pg/monotonic.hpp"
#include "pg/rules/plain_scan.hpp"
#include "pg/subtransaction.hpp"

extern "C" {
#include "utils/snapmgr.h"
#include "utils/timeout.h"
}

#include <optional>

namespace sessionctl::pg {

namespace {

constexpr char only_when_hint[] =
    "only_when is one boolean expression about the server, not about a session: about times, functions or, "
    "in a superuser's rule, subqueries. What looks at a session belongs into the condition.";

constexpr char no_parameters_hint[] = "A rule has no parameters: write the values into its texts.";

/// Where a rule's texts are not like a call's condition. Null: that of the error is right.
const char* hint_for(int code, bool is_about_server) noexcept {
    if (code == ERRCODE_UNDEFINED_PARAMETER)
        return no_parameters_hint;
    const bool is_misplaced = code == ERRCODE_UNDEFINED_COLUMN || code == ERRCODE_UNDEFINED_TABLE ||
                              code == ERRCODE_SYNTAX_ERROR || code == ERRCODE_DATATYPE_MISMATCH;
    return is_about_server && is_misplaced ? only_when_hint : nullptr;
}

Condition condition_of(const char* text, List* per, bool is_about_server) {
    Condition condition = {};
    condition.text = text;
    condition.per = per;
    condition.is_of_rule = true;
    condition.is_about_server = is_about_server;
    return condition;
}

/// The user, the settings and the snapshot with which a rule's texts are read and run.
class RuleScope {
  public:
    explicit RuleScope(const RuleText& text)
        : as_owner_(text.owner), formats_{text.date_style, text.interval_style, text.time_zone},
          scope_(&formats_) {
        call([] { PushActiveSnapshot(GetTransactionSnapshot()); });
    }

    void leave() {
        call([] { PopActiveSnapshot(); });
        scope_.leave();
    }
    bool is_restricted() const noexcept { return scope_.is_under_other(); }

  private:
    const AsOwner as_owner_;
    const TimeFormats formats_;
    ConditionScope scope_;
};

/// A cancel comes from this process itself, when the time is over.
class TimeLimit {
  public:
    explicit TimeLimit(int milliseconds)
        : end_(monotonic_now() + milliseconds * core::microseconds_per_millisecond) {
        call([milliseconds] { enable_timeout_after(STATEMENT_TIMEOUT, milliseconds); });
    }
    ~TimeLimit() {
        disable_timeout(STATEMENT_TIMEOUT, false);
        compat::clear_pending_cancel(); // that came too late
    }
    TimeLimit(const TimeLimit&) = delete;
    TimeLimit& operator=(const TimeLimit&) = delete;

    bool is_over() const noexcept { return monotonic_now() >= end_; }

  private:
    const core::Timestamp end_;
};

} // namespace

RuleCondition::RuleCondition(const RuleText& text)
    : text_(text), condition_{condition_of(text.condition, text.per, false), KeptPlan(CurrentMemoryContext)},
      only_when_{condition_of(text.only_when, NIL, true), KeptPlan(CurrentMemoryContext)} {}

/// Whether the owner is a superuser decides what is allowed.
void RuleCondition::rights_are(bool is_restricted) noexcept {
    if (is_restricted != is_restricted_)
        for (Part* const part : {&condition_, &only_when_})
            part->plan.discard();
    is_restricted_ = is_restricted;
}

/// With what it compares columns, if that is asked for and it is compiled.
PlannedStmt* RuleCondition::plan_of(Part& part, List** comparisons) {
    if (PlannedStmt* const kept = part.plan.locked())
        return kept;
    try {
        return make_plan(part, comparisons);
    } catch (const PgError& error) {
        if (const char* const hint = hint_for(error.data()->sqlerrcode, part.condition.is_about_server))
            error.data()->hint = const_cast<char*>(hint);
        throw;
    }
}

PlannedStmt* RuleCondition::make_plan(Part& part, List** comparisons) {
    const Condition& condition = part.condition;
    const Statement statement(condition.text);
    const std::uint64_t changes = KeptPlan::changes();
    Query* const query = compile(condition, statement, is_restricted_);
    struct Planned {
        PlannedStmt* plan;
        List* relations;
        List* items;
    };
    const auto [plan, relations, items] = about_condition(condition.text, [&]() -> Planned {
        if (comparisons != nullptr)
            *comparisons = text_comparisons(query);
        Planned planned = {};
        compat::dependencies_of(query, &planned.relations, &planned.items);
        planned.plan = compat::plan(query, statement.text.c_str());
        return planned;
    });
    if (!core::may_name_moment(condition.text))
        part.plan.keep(plan, relations, items, changes);
    return plan;
}

/// Null if there is no such text.
PlannedStmt* RuleCondition::plan_of_only_when() {
    return text_.only_when != nullptr ? plan_of(only_when_) : nullptr;
}

void RuleCondition::check() {
    struct Checked {
        List* comparisons;
        Roster roster;
    };
    const Checked checked = in_subtransaction([this] {
        RuleScope scope(text_);
        rights_are(scope.is_restricted());
        List* comparisons = NIL;
        plan_of(condition_, &comparisons);
        plan_of_only_when();
        Checked result = {comparisons, Roster::take()};
        scope.leave();
        return result;
    });
    report_unknown_values(checked.comparisons, checked.roster, false);
}

MatchList* RuleCondition::run(Part& part, PlannedStmt* plan, RuleTick& tick) const {
    const Statement statement(part.condition.text);
    return about_condition(part.condition.text, [&] {
        MatchList* const matches = MatchList::make();
        PlainScan scan;
        if (is_plain_scan(*plan, scan) && scan.function == tick.rows_for(text_.owner).function) {
            compat::check_rights(plan);
            scan_rows(scan, tick.rows_for(text_.owner), *matches);
        } else {
            execute(plan, statement, *matches);
        }
        return matches;
    });
}

core::vector<Match> RuleCondition::evaluate_now(RuleTick& tick) {
    const RosterInForce in_force(tick.resource_use_for(text_.owner));
    RuleScope scope(text_);
    rights_are(scope.is_restricted());
    core::vector<Match> matches;
    PlannedStmt* const only_when = plan_of_only_when();
    if (only_when == nullptr || !run(only_when_, only_when, tick)->matches().empty())
        matches = run(condition_, plan_of(condition_), tick)->matches();
    scope.leave();
    return matches;
}

core::vector<Match> RuleCondition::evaluate(RuleTick& tick, int timeout_ms) {
    std::optional<TimeLimit> limit;
    if (timeout_ms > 0)
        limit.emplace(timeout_ms);
    try {
        core::vector<Match> matches = evaluate_now(tick);
        if (!limit || !limit->is_over())
            return matches;
    } catch (const PgError& error) {
        if (!limit || !limit->is_over() || !error.is_cancel())
            throw;
    }
    throw core::Error(core::sqlstate::query_canceled,
                      "the condition did not end within pg_sessionctl.rule_timeout (%d ms)", timeout_ms);
}

} // namespace sessionctl::pg
