#include "pg/condition_check.hpp"

extern "C" {
#include "access/transam.h"
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

/// Volatile, but they only look. Sorted.
constexpr std::string_view allowed_volatile[] = {
    "clock_timestamp",
    "gen_random_uuid",
    "pg_blocking_pids",
    "pg_current_wal_insert_lsn",
    "pg_current_wal_lsn",
    "pg_database_size",
    "pg_is_in_recovery",
    "pg_is_wal_replay_paused",
    "pg_last_wal_receive_lsn",
    "pg_last_wal_replay_lsn",
    "pg_last_xact_replay_timestamp",
    "pg_lock_status",
    "pg_prepared_xact",
    "pg_safe_snapshot_blocking_pids",
    "random",
    "timeofday",
};

struct Inspection {
    int depth;
    bool sees_session;
    bool is_restricted; // the current user is not the one who called
    Finding finding;
    Node* node; // the one being looked at
};

bool report(Inspection& inspection, Offence offence, Oid function = InvalidOid) {
    inspection.finding = {offence, exprLocation(inspection.node), function};
    return true;
}

bool is_catalog_function(Oid function) {
    return get_func_namespace(function) == PG_CATALOG_NAMESPACE;
}

bool only_looks(Oid function) {
    if (!is_catalog_function(function))
        return false;
    char* const name = get_func_name(function);
    const bool found =
        std::binary_search(std::begin(allowed_volatile), std::end(allowed_volatile), std::string_view(name));
    pfree(name);
    return found;
}

bool is_offending_function(Oid function, void* context) {
    auto& inspection = *static_cast<Inspection*>(context);
    if (inspection.is_restricted && !is_catalog_function(function))
        return report(inspection, Offence::foreign_object, function);
    if (func_volatile(function) == PROVOLATILE_VOLATILE && !only_looks(function))
        return report(inspection, Offence::volatile_function, function);
    return false;
}

bool is_old_spelling(const Const& constant) {
    if (constant.constisnull || (constant.consttype != TEXTOID && constant.consttype != NAMEOID))
        return false;
    if (constant.consttype == NAMEOID)
        return std::strncmp(NameStr(*DatumGetName(constant.constvalue)), "<IDLE>", 6) == 0;
    return std::strncmp(TextDatumGetCString(constant.constvalue), "<IDLE>", 6) == 0;
}

/// A type made by somebody (a domain, say) may run that somebody's code.
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
        return report(inspection, Offence::foreign_object);
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
