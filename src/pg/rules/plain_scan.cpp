#include "pg/rules/plain_scan.hpp"

extern "C" {
#include "executor/executor.h"
#include "nodes/plannodes.h"
}

namespace sessionctl::pg {

namespace {

/// Of a function without arguments, and nothing beside it.
const FunctionScan* function_scan(const Plan* plan) noexcept {
    if (plan == nullptr || !IsA(plan, FunctionScan) || plan->initPlan != NIL)
        return nullptr;
    const auto* const scan = reinterpret_cast<const FunctionScan*>(plan);
    return list_length(scan->functions) == 1 && !scan->funcordinality ? scan : nullptr;
}

/// The number of the column that a plan's output column is; 0 where it is computed.
int column_of(const List* columns, int number) {
    if (list_length(columns) < number)
        return 0;
    const auto& column = *static_cast<const TargetEntry*>(list_nth(columns, number - 1));
    return IsA(column.expr, Var) ? reinterpret_cast<const Var*>(column.expr)->varattno : 0;
}

Oid function_of(const FunctionScan& scan) {
    return called_function(*static_cast<const RangeTblFunction*>(linitial(scan.functions)));
}

/// Conditions that are the same for all rows, above a scan for the pid alone.
const ::Result* gate_without_groups(const Plan* plan) noexcept {
    const bool is_gate =
        IsA(plan, Result) && plan->initPlan == NIL && plan->qual == NIL && list_length(plan->targetlist) == 1;
    return is_gate ? reinterpret_cast<const ::Result*>(plan) : nullptr;
}

/// Of the columns `per`, all but the pid.
List* groups_of(const FunctionScan& scan) {
    List* groups = NIL;
    const ListCell* cell;
    foreach (cell, scan.scan.plan.targetlist)
        if (cell != list_head(scan.scan.plan.targetlist))
            groups = lappend(groups, static_cast<const TargetEntry*>(lfirst(cell))->expr);
    return groups;
}

/// The executor's slots, expressions and so on for one scan.
class Scan {
  public:
    explicit Scan(const PlainScan& scan)
        : context_(CreateStandaloneExprContext()), gate_(compat::prepare_qualification(scan.gate)),
          conditions_(compat::prepare_qualification(scan.conditions)), pid_column_(scan.pid_column) {
        const ListCell* cell;
        foreach (cell, scan.groups)
            groups_ = lappend(groups_, ExecInitExpr(static_cast<Expr*>(lfirst(cell)), nullptr));
    }

    void run(const ActivityRows& rows, MatchList& matches) {
        if (!is_true(gate_, nullptr))
            return;
        for (std::size_t i = 0; i < rows.count; ++i) {
            CHECK_FOR_INTERRUPTS();
            if (!is_true(conditions_, rows.first[i]))
                continue;
            bool is_null;
            const Datum pid = slot_getattr(rows.first[i], pid_column_, &is_null);
            matches.add(pid, is_null, group(matches.memory()));
        }
        FreeExprContext(context_, true);
    }

  private:
    bool is_true(compat::Qualification* qualification, TupleTableSlot* row) {
        ResetExprContext(context_);
        context_->ecxt_scantuple = row;
        return compat::is_true(qualification, context_);
    }

    std::string_view group(MemoryContext memory) {
        if (groups_ == NIL)
            return {};
        const MemoryContext outer = MemoryContextSwitchTo(context_->ecxt_per_tuple_memory);
        GroupText text;
        const ListCell* cell;
        foreach (cell, groups_) {
            bool is_null;
            const Datum value = compat::value_of(static_cast<ExprState*>(lfirst(cell)), context_, &is_null);
            text.add(value, is_null);
        }
        MemoryContextSwitchTo(outer);
        return text.copy_in(memory);
    }

    ExprContext* const context_;
    compat::Qualification* const gate_;
    compat::Qualification* const conditions_;
    const int pid_column_;
    List* groups_ = NIL;
};

} // namespace

bool is_plain_scan(const PlannedStmt& plan, PlainScan& scan) {
    if (plan.subplans != NIL)
        return false;
    if (const FunctionScan* const alone = function_scan(plan.planTree)) {
        const List* const columns = alone->scan.plan.targetlist;
        scan = {function_of(*alone), NIL, alone->scan.plan.qual, groups_of(*alone), column_of(columns, 1)};
    } else if (const ::Result* const gate = gate_without_groups(plan.planTree)) {
        const FunctionScan* const below = function_scan(gate->plan.lefttree);
        if (below == nullptr)
            return false;
        const int number = column_of(gate->plan.targetlist, 1);
        scan = {function_of(*below), reinterpret_cast<List*>(gate->resconstantqual), below->scan.plan.qual,
                NIL, number > 0 ? column_of(below->scan.plan.targetlist, number) : 0};
    } else {
        return false;
    }
    return OidIsValid(scan.function) && scan.pid_column > 0;
}

void scan_rows(const PlainScan& scan, const ActivityRows& rows, MatchList& matches) {
    Scan(scan).run(rows, matches);
}

} // namespace sessionctl::pg
