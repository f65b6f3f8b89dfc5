// Plans that are kept, and expressions evaluated outside of the executor, on every version.
#include "compat/postgres.hpp"

extern "C" {
#include "executor/executor.h"
#include "utils/inval.h"
#include "utils/syscache.h"
#if PG_VERSION_NUM >= 120000 // 12: moved
#include "optimizer/optimizer.h"
#else
#include "optimizer/planmain.h"
#endif
}

namespace sessionctl::compat {

void* copy_of_tree(const void* tree) {
#if PG_VERSION_NUM >= 100000 // 10: the name is a macro's that needs GNU C
    return copyObjectImpl(tree);
#else
    return copyObject(tree);
#endif
}

void check_rights(const PlannedStmt* plan) {
#if PG_VERSION_NUM >= 160000 // 16: rights apart from the range table
    ExecCheckPermissions(plan->rtable, plan->permInfos, true);
#else
    ExecCheckRTPerms(plan->rtable, true);
#endif
}

void dependencies_of(Query* query, List** relations, List** items) {
#if PG_VERSION_NUM >= 90500 // 9.5: row security
    bool has_row_security;
    extract_query_dependencies(reinterpret_cast<Node*>(query), relations, items, &has_row_security);
#else
    extract_query_dependencies(reinterpret_cast<Node*>(query), relations, items);
#endif
}

namespace {

void (*relation_changed)(Oid);
void (*item_changed)(int, uint32);
void (*other_changed)();

void on_relation(Datum, Oid relation) {
    relation_changed(relation);
}
// 19: the number of a cache has a type of its own.
template <typename Cache>
void on_item(Datum, Cache cache, uint32 hash) {
    item_changed(static_cast<int>(cache), hash);
}
template <typename Cache>
void on_other(Datum, Cache, uint32) {
    other_changed();
}

} // namespace

void watch_catalogs(void (*relation)(Oid), void (*item)(int cache, uint32 hash), void (*other)()) {
    relation_changed = relation;
    item_changed = item;
    other_changed = other;
    CacheRegisterRelcacheCallback(on_relation, 0);
    // As core's own cache of plans does.
    CacheRegisterSyscacheCallback(PROCOID, on_item, 0);
    CacheRegisterSyscacheCallback(TYPEOID, on_item, 0);
    CacheRegisterSyscacheCallback(NAMESPACEOID, on_other, 0);
    CacheRegisterSyscacheCallback(OPEROID, on_other, 0);
    CacheRegisterSyscacheCallback(AMOPOPID, on_other, 0);
}

Qualification* prepare_qualification(List* conditions) {
#if PG_VERSION_NUM >= 100000
    return ExecInitQual(conditions, nullptr);
#else
    return reinterpret_cast<List*>(ExecInitExpr(reinterpret_cast<Expr*>(conditions), nullptr));
#endif
}

bool is_true(Qualification* qualification, ExprContext* context) {
#if PG_VERSION_NUM >= 100000
    return ExecQual(qualification, context);
#else
    return ExecQual(qualification, context, false);
#endif
}

Datum value_of(ExprState* expression, ExprContext* context, bool* is_null) {
#if PG_VERSION_NUM >= 100000
    return ExecEvalExpr(expression, context, is_null);
#else
    return ExecEvalExpr(expression, context, is_null, nullptr);
#endif
}

TupleTableSlot* copy_row(TupleTableSlot* row, TupleDesc description) {
#if PG_VERSION_NUM >= 120000 // 12: kinds of slots
    TupleTableSlot* const slot = MakeSingleTupleTableSlot(description, &TTSOpsMinimalTuple);
#else
    TupleTableSlot* const slot = MakeSingleTupleTableSlot(description);
#endif
    ExecStoreMinimalTuple(ExecCopySlotMinimalTuple(row), slot, false);
    slot_getallattrs(slot);
    return slot;
}

} // namespace sessionctl::compat
