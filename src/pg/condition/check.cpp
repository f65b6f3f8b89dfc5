#include "pg/condition/check.hpp"

extern "C" {
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_proc.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

constexpr int session_range_table_index = 1;

/// Volatile, but without side effects. Sorted; includes the names used before 10.
constexpr std::string_view allowed_volatile[] = {
    "clock_timestamp",
    "gen_random_uuid",
    "pg_blocking_pids",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_current_xlog_insert_location",
    "pg_current_xlog_location",
    "pg_database_size",
    "pg_is_in_recovery",
    "pg_is_wal_replay_paused",
    "pg_is_xlog_replay_paused",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_last_xlog_receive_location",
    "pg_last_xlog_replay_location",
    "pg_lock_status",
    "pg_prepared_xact",
    "pg_safe_snapshot_blocking_pids",
    "random",
    "timeofday",
};

/// Run a statement given as text, or a cursor's; marked stable up to 10. Sorted.
constexpr std::string_view runs_statement[] = {
    "cursor_to_xml",      "cursor_to_xmlschema", "query_to_xml", "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
};

/// Stable, and harmless with another user's rights: they call no input function of a type named in a text,
/// and read no table, view or setting named in a text. Sorted.
constexpr std::string_view allowed_under_other[] = {
    "clock_timestamp",
    "current_database",
    "current_user",
    "date",
    "date_part",
    "date_trunc",
    "extract",
    "interval_in",
    "now",
    "pg_backend_pid",
    "session_user",
    "statement_timestamp",
    "time",
    "timestamp",
    "timestamptz",
    "timestamptz_in",
    "timestamptz_mi_interval",
    "timestamptz_out",
    "timestamptz_pl_interval",
    "transaction_timestamp",
};

struct Inspection {
    int depth;
    bool sees_session;
    bool is_under_other;
    Finding finding;
    Node* node; // the node being checked
};

bool report(Inspection& inspection, Refusal refusal, Oid object = InvalidOid) {
    inspection.finding = {refusal, exprLocation(inspection.node), object};
    return true;
}

/// Created by initdb. The schema is not enough: users may have put objects into pg_catalog.
bool is_core(Oid object) noexcept {
    return object < FirstNormalObjectId;
}

template <std::size_t count>
bool is_one_of(const std::string_view (&names)[count], Oid function) {
    if (!is_core(function) || get_func_namespace(function) != PG_CATALOG_NAMESPACE)
        return false;
    return std::binary_search(std::begin(names), std::end(names), std::string_view(get_func_name(function)));
}

bool is_harmless_under_other(Oid function) {
    const bool is_immutable_core = is_core(function) &&
                                   get_func_namespace(function) == PG_CATALOG_NAMESPACE &&
                                   func_volatile(function) == PROVOLATILE_IMMUTABLE;
    return is_immutable_core || is_one_of(allowed_under_other, function);
}

bool is_volatile(Oid function) {
    if (!OidIsValid(function))
        return false;
    if (is_one_of(runs_statement, function))
        return true;
    return func_volatile(function) == PROVOLATILE_VOLATILE && !is_one_of(allowed_volatile, function);
}

/// An aggregate is itself marked immutable; the functions it calls need not be.
bool is_volatile_aggregate(Oid function) {
    const HeapTuple tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
    if (!HeapTupleIsValid(tuple))
        return false;
    const auto& aggregate = *reinterpret_cast<Form_pg_aggregate>(GETSTRUCT(tuple));
    const bool found = is_volatile(aggregate.aggtransfn) || is_volatile(aggregate.aggfinalfn) ||
                       is_volatile(aggregate.aggmtransfn) || is_volatile(aggregate.aggminvtransfn) ||
                       is_volatile(aggregate.aggmfinalfn);
    ReleaseSysCache(tuple);
    return found;
}

bool is_refused_function(Oid function, void* context) {
    auto& inspection = *static_cast<Inspection*>(context);
    if (inspection.is_under_other && !is_harmless_under_other(function))
        return report(inspection, Refusal::risky_under_other, function);
    if (is_volatile(function) || is_volatile_aggregate(function))
        return report(inspection, Refusal::volatile_function, function);
    return false;
}

/// An operator with its commutator and negator, and with theirs in turn.
class OperatorFamily {
  public:
    explicit OperatorFamily(Oid written) {
        add(written);
        for (std::size_t i = 0; i < count_; ++i) {
            add(get_commutator(members_[i]));
            add(get_negator(members_[i]));
        }
    }

    const Oid* begin() const noexcept { return members_; }
    const Oid* end() const noexcept { return members_ + count_; }
    /// In core such a family has two or four members.
    bool is_whole() const noexcept { return count_ < std::size(members_); }

  private:
    void add(Oid member) noexcept {
        if (OidIsValid(member) && is_whole() && std::find(begin(), end(), member) == end())
            members_[count_++] = member;
    }

    Oid members_[8];
    std::size_t count_ = 0;
};

/// The planner may replace an operator: `not (a = b)` by the negator, `b = a` by the commutator.
bool is_refused_operator(Oid written, Inspection& inspection) {
    const OperatorFamily family(written);
    for (const Oid member : family)
        if (is_refused_function(get_opcode(member), &inspection))
            return true;
    return !family.is_whole() && report(inspection, Refusal::volatile_function, get_opcode(written));
}

bool has_refused_operator(Node* node, Inspection& inspection) {
    switch (nodeTag(node)) {
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
        return is_refused_operator(reinterpret_cast<OpExpr*>(node)->opno, inspection);
    case T_ScalarArrayOpExpr:
        return is_refused_operator(reinterpret_cast<ScalarArrayOpExpr*>(node)->opno, inspection);
    case T_RowCompareExpr: {
        ListCell* cell;
        foreach (cell, reinterpret_cast<RowCompareExpr*>(node)->opnos)
            if (is_refused_operator(lfirst_oid(cell), inspection))
                return true;
        return false;
    }
    default:
        return false;
    }
}

/// How pg_stat_activity.query showed idle sessions up to 9.1.
bool is_old_spelling(const Const& constant) {
    if (constant.constisnull || constant.consttype != TEXTOID)
        return false;
    const std::string_view value(TextDatumGetCString(constant.constvalue));
    return value.substr(0, 6) == "<IDLE>";
}

/// A user-defined type or collation may run its owner's code.
bool has_foreign_type(Node* node) {
    switch (nodeTag(node)) {
    case T_Const:
    case T_FuncExpr:
    case T_OpExpr:
    case T_CoerceToDomain:
    case T_CoerceViaIO:
    case T_RelabelType:
    case T_ArrayCoerceExpr:
    case T_ConvertRowtypeExpr:
    case T_RowExpr:
    case T_ArrayExpr:
    case T_CaseExpr:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_FieldSelect:
    case T_XmlExpr:
        return !is_core(exprType(node)) || !is_core(exprCollation(node));
    case T_CollateExpr:
        return !is_core(reinterpret_cast<CollateExpr*>(node)->collOid);
    default:
        return false;
    }
}

bool inspect_node(Node* node, void* context) {
    auto& inspection = *static_cast<Inspection*>(context);
    if (node == nullptr)
        return false;
    check_stack_depth();
    if (IsA(node, Query)) {
        ++inspection.depth;
        const bool found = compat::walk_query(reinterpret_cast<Query*>(node), inspect_node, context);
        --inspection.depth;
        return found;
    }
    inspection.node = node;
    if (IsA(node, Var)) {
        const auto* const var = reinterpret_cast<Var*>(node);
        inspection.sees_session |=
            var->varlevelsup == inspection.depth && var->varno == session_range_table_index;
    }
    if (IsA(node, Const) && is_old_spelling(*reinterpret_cast<Const*>(node)))
        return report(inspection, Refusal::old_spelling);
    if (inspection.is_under_other && IsA(node, SubLink))
        return report(inspection, Refusal::subquery_under_other);
    if (inspection.is_under_other && has_foreign_type(node))
        return report(inspection, Refusal::risky_under_other);
    if (IsA(node, CoerceToDomain) && !is_core(exprType(node)))
        return report(inspection, Refusal::foreign_domain, exprType(node));
    if (compat::functions_in_node(node, is_refused_function, context) ||
        has_refused_operator(node, inspection))
        return true;
    return compat::walk_children(node, inspect_node, context);
}

} // namespace

Finding inspect(Node* qualification, bool is_under_other) {
    Inspection inspection = {};
    inspection.finding.location = -1;
    inspection.is_under_other = is_under_other;
    if (!inspect_node(qualification, &inspection) && !inspection.sees_session)
        inspection.finding.refusal = Refusal::ignores_session;
    return inspection.finding;
}

} // namespace sessionctl::pg
