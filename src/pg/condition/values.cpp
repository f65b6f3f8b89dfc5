#include "pg/condition/values.hpp"

#include "core/condition/column_values.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/sessions/disclosure.hpp"

extern "C" {
#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "nodes/primnodes.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
}

namespace sessionctl::pg {

namespace {

struct TextComparison {
    const char* column;
    const char* value;
    bool excludes; // <>, NOT IN, IS DISTINCT FROM
};

// --- found

struct ComparisonSearch {
    Oid view;
    int depth;
    List* found; // of TextComparison
};

/// Null if it is not a column of the session.
const char* session_column(Node* node, const ComparisonSearch& search) {
    if (!IsA(node, Var))
        return nullptr;
    const auto* const var = reinterpret_cast<Var*>(node);
    const bool is_session = static_cast<int>(var->varlevelsup) == search.depth && var->varno == 1;
    return is_session && var->varattno > 0 ? compat::column_name(search.view, var->varattno) : nullptr;
}

void add_comparison(const char* column, Datum value, bool excludes, ComparisonSearch& search) {
    auto* const comparison = static_cast<TextComparison*>(palloc(sizeof(TextComparison)));
    *comparison = {column, TextDatumGetCString(value), excludes};
    search.found = lappend(search.found, comparison);
}

void add_constant(const char* column, Node* node, bool excludes, ComparisonSearch& search) {
    if (!IsA(node, Const))
        return;
    const auto& constant = *reinterpret_cast<Const*>(node);
    if (!constant.constisnull && constant.consttype == TEXTOID)
        add_comparison(column, constant.constvalue, excludes, search);
}

void add_array(const char* column, const Const& constant, bool excludes, ComparisonSearch& search) {
    if (constant.constisnull || constant.consttype != TEXTARRAYOID)
        return;
    Datum* values;
    bool* nulls;
    int count;
    deconstruct_array(DatumGetArrayTypeP(constant.constvalue), TEXTOID, -1, false, 'i', &values, &nulls,
                      &count);
    for (int i = 0; i < count; ++i)
        if (!nulls[i])
            add_comparison(column, values[i], excludes, search);
}

void look_at_operator(const OpExpr& operation, bool is_distinct, ComparisonSearch& search) {
    const bool is_equal = operation.opno == TextEqualOperator;
    if (!is_equal && operation.opno != get_negator(TextEqualOperator))
        return;
    auto* const left = static_cast<Node*>(linitial(operation.args));
    auto* const right = static_cast<Node*>(lsecond(operation.args));
    const bool excludes = !is_equal || is_distinct;
    if (const char* const column = session_column(left, search))
        add_constant(column, right, excludes, search);
    else if (const char* const other = session_column(right, search))
        add_constant(other, left, excludes, search);
}

/// = ANY, which is IN, and <> ALL, which is NOT IN.
void look_at_list(const ScalarArrayOpExpr& operation, ComparisonSearch& search) {
    const bool is_in = operation.useOr && operation.opno == TextEqualOperator;
    const bool is_not_in = !operation.useOr && operation.opno == get_negator(TextEqualOperator);
    const char* const column = session_column(static_cast<Node*>(linitial(operation.args)), search);
    if (column == nullptr || (!is_in && !is_not_in))
        return;
    auto* const list = static_cast<Node*>(lsecond(operation.args));
    if (IsA(list, Const))
        add_array(column, *reinterpret_cast<Const*>(list), is_not_in, search);
    if (!IsA(list, ArrayExpr))
        return;
    const ListCell* cell;
    foreach (cell, reinterpret_cast<ArrayExpr*>(list)->elements)
        add_constant(column, static_cast<Node*>(lfirst(cell)), is_not_in, search);
}

bool search_comparisons(Node* node, void* context) {
    auto& search = *static_cast<ComparisonSearch*>(context);
    if (node == nullptr)
        return false;
    check_stack_depth();
    if (IsA(node, Query)) {
        ++search.depth;
        const bool found = compat::walk_query(reinterpret_cast<Query*>(node), search_comparisons, context);
        --search.depth;
        return found;
    }
    if (IsA(node, OpExpr) || IsA(node, DistinctExpr)) // of one layout
        look_at_operator(*reinterpret_cast<OpExpr*>(node), IsA(node, DistinctExpr), search);
    else if (IsA(node, ScalarArrayOpExpr))
        look_at_list(*reinterpret_cast<ScalarArrayOpExpr*>(node), search);
    return compat::walk_children(node, search_comparisons, context);
}

// --- judged

core::vector<const char*> values_of(const char* column) {
    core::vector<const char*> values = core::values_of_column(column);
    if (std::strcmp(column, "wait_event_type") == 0)
        for (int number = 0; number < compat::wait_event_types; ++number)
            if (const char* const type = compat::wait_event_type(number))
                values.push_back(type);
    return values;
}

bool has(const core::vector<const char*>& values, const char* value) noexcept {
    return std::any_of(values.begin(), values.end(),
                       [value](const char* other) { return std::strcmp(value, other) == 0; });
}

/// Extensions name their background workers freely, so the ones running are added.
core::vector<const char*> backend_types_on(const Roster& roster) {
    core::vector<const char*> types;
    for (const RosterEntry& entry : roster.entries)
        if (may_tell(entry.facts) && entry.backend_type != nullptr && !has(types, entry.backend_type))
            types.push_back(entry.backend_type);
    return types;
}

/// The values that a session may have in this column; whether the list is complete.
struct ValueList {
    core::vector<const char*> values;
    bool is_whole;
};

ValueList value_list(const char* column, const Roster& roster) {
    if (std::strcmp(column, "backend_type") == 0)
        return {backend_types_on(roster), false};
    return {values_of(column), true};
}

void report_unknown_value(const TextComparison& comparison, const ValueList& list) {
    const core::string shown = core::quoted_list(list.values);
    const ShownName value(comparison.value);
    call([&] {
        ereport(NOTICE, (errmsg(list.is_whole ? "no session can have %s '%s'"
                                              : "no session that you may see has %s '%s'",
                                comparison.column, value.text()),
                         errhint(list.is_whole ? "The values of %s are: %s." : "Now %s is: %s.",
                                 comparison.column, shown.c_str())));
    });
}

/// Returns whether it raised a NOTICE.
bool report_if_unknown(const TextComparison& comparison, const Roster& roster, bool has_matches) {
    const ValueList list = value_list(comparison.column, roster);
    const bool is_of_interest = comparison.excludes ? list.is_whole : !has_matches;
    if (!is_of_interest || list.values.empty() || has(list.values, comparison.value))
        return false;
    report_unknown_value(comparison, list);
    return true;
}

} // namespace

List* text_comparisons(Query* query) {
    ComparisonSearch search = {};
    search.view = static_cast<RangeTblEntry*>(linitial(query->rtable))->relid;
    search_comparisons(query->jointree->quals, &search);
    return search.found;
}

void report_unknown_values(const List* comparisons, const Roster& roster, bool has_matches) {
    const ListCell* cell;
    foreach (cell, comparisons)
        if (report_if_unknown(*static_cast<const TextComparison*>(lfirst(cell)), roster, has_matches))
            return;
}

} // namespace sessionctl::pg
