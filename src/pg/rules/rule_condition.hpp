// The conditions of rules: compiled once, evaluated at each tick with the rights of the rule's owner.
#pragma once

#include "pg/condition/condition.hpp"
#include "pg/rules/kept_plan.hpp"
#include "pg/rules/rule_tick.hpp"

namespace sessionctl::pg {

class MatchList;

/// What a rule's texts mean, whenever they are read. As in calls, backslashes in them are only backslashes.
struct RuleText {
    Oid owner;
    const char* condition;
    const char* only_when; // null: always
    List* per;             // columns of session_activity, as strings; NIL: none
    const char* time_zone; // these three as they were when the rule was made
    const char* date_style;
    const char* interval_style;
};

/// A rule's condition, with plans that live in the memory context that is current when it is made.
class RuleCondition {
  public:
    /// The texts outlive it.
    explicit RuleCondition(const RuleText& text);

    /// Compiles it with its owner's rights, and raises a NOTICE for a comparison with a value that no session
    /// has. Errors: those of the condition (see pg::evaluate), after which SQL can go on.
    void check();

    /// The sessions for which it is true; none if only_when is not true. With a time limit, if that is not 0.
    /// If what it needs has changed since it was compiled, all is checked again. Errors: those of the
    /// condition; 57014 if it does not end in time.
    core::vector<Match> evaluate(RuleTick& tick, int timeout_ms);

  private:
    /// One of the two texts.
    struct Part {
        Condition condition;
        KeptPlan plan;
    };

    PlannedStmt* plan_of(Part& part, List** comparisons = nullptr);
    PlannedStmt* make_plan(Part& part, List** comparisons);
    PlannedStmt* plan_of_only_when();
    MatchList* run(Part& part, PlannedStmt* plan, RuleTick& tick) const;
    core::vector<Match> evaluate_now(RuleTick& tick);
    void rights_are(bool is_restricted) noexcept;

    const RuleText text_;
    Part condition_;
    Part only_when_;
    bool is_restricted_ = false; // as the plans were checked
};

} // namespace sessionctl::pg
