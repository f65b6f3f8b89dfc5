#include "pg/condition_check.hpp"

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

/// Volatile, but they only look. Sorted; with the names of before 10.
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

/// They run a statement given as text, or a cursor's, and were called stable up to 10. Sorted.
constexpr std::string_view runs_statement[] = {
    "cursor_to_xml",      "cursor_to_xmlschema", "query_to_xml", "query_to_xml_and_xmlschema",
    "query_to_xmlschema",
};

/// Stable, and harmless with another user's rights: no input function of a type named in text, nothing that
/// reads a table, a view or a setting named in text. Sorted.
constexpr std::string_view allowed_under_other[] = {
    "clock_timestamp",
    "current_database",
    "current_user",
    "date_part",
    "date_trunc",
    "interval_in",
    "now",
    "pg_backend_pid",
    "session_user",
    "statement_timestamp",
    "timestamptz_in",
    "timestamptz_mi_interval",
    "timestamptz_out",
    "timestamptz_pl_interval",
    "transaction_timestamp",
};

struct Inspection {
    int depth;
    bool sees_session;
    bool is_restricted; // the current user is not the one who called
    Finding finding;
    Node* node; // the one being looked at
};

bool report(Inspection& inspection, Offence offence, Oid object = InvalidOid) {
    inspection.finding = {offence, exprLocation(inspection.node), object};
    return true;
}

template <std::size_t count>
bool is_one_of(const std::string_view (&names)[count], Oid function) {
    if (get_func_namespace(function) != PG_CATALOG_NAMESPACE)
        return false;
    return std::binary_search(std::begin(names), std::end(names), std::string_view(get_func_name(function)));
}

bool is_harmless_under_other(Oid function) {
    const bool is_immutable_core = get_func_namespace(function) == PG_CATALOG_NAMESPACE &&
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

/// An aggregate itself is marked immutable; what it calls need not be.
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

bool is_offending_function(Oid function, void* context) {
    auto& inspection = *static_cast<Inspection*>(context);
    if (inspection.is_restricted && !is_harmless_under_other(function))
        return report(inspection, Offence::risky_under_other, function);
    if (is_volatile(function) || is_volatile_aggregate(function))
        return report(inspection, Offence::volatile_function, function);
    return false;
}

/// How pg_stat_activity.query showed idle sessions up to 9.1.
bool is_old_spelling(const Const& constant) {
    if (constant.constisnull || constant.consttype != TEXTOID)
        return false;
    const std::string_view value(TextDatumGetCString(constant.constvalue));
    return value.substr(0, 6) == "<IDLE>";
}

/// A type made by somebody may run that somebody's code.
bool has_foreign_type(Node* node) {
    switch (nodeTag(node)) {
    case T_Const:
    case T_CoerceToDomain:
    case T_CoerceViaIO:
    case T_RelabelType:
    case T_ArrayCoerceExpr:
    case T_ConvertRowtypeExpr:
    case T_RowExpr:
        return exprType(node) >= FirstNormalObjectId;
    default:
        return false;
    }
}

bool walk(Node* node, void* context) {
    auto& inspection = *static_cast<Inspection*>(context);
    if (node == nullptr)
        return false;
    if (IsA(node, Query)) {
        ++inspection.depth;
        const bool found = compat::walk_query(reinterpret_cast<Query*>(node), walk, context);
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
        return report(inspection, Offence::old_spelling);
    if (inspection.is_restricted && IsA(node, SubLink))
        return report(inspection, Offence::subquery_under_other);
    if (inspection.is_restricted && has_foreign_type(node))
        return report(inspection, Offence::risky_under_other);
    if (IsA(node, CoerceToDomain) && exprType(node) >= FirstNormalObjectId)
        return report(inspection, Offence::foreign_domain, exprType(node));
    if (compat::functions_in_node(node, is_offending_function, context))
        return true;
    return compat::walk_children(node, walk, context);
}

} // namespace

Finding inspect(Node* qualification) {
    Inspection inspection = {};
    inspection.finding.location = -1;
    inspection.is_restricted = InLocalUserIdChange();
    if (!walk(qualification, &inspection) && !inspection.sees_session)
        inspection.finding.offence = Offence::ignores_session;
    return inspection.finding;
}

} // namespace sessionctl::pg
