// Parsing one statement, and walking through its trees, on every version.
#include "compat/postgres.hpp"

extern "C" {
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/primnodes.h"
#include "optimizer/planmain.h"
#include "parser/parser.h"
#include "utils/lsyscache.h"
}

namespace sessionctl::compat {

namespace {

// 16: the walkers are macros that take any function; before, functions whose parameter C++ reads as "no
// arguments".
auto server_walker(bool (*walker)(Node*, void*)) noexcept {
#if PG_VERSION_NUM >= 160000
    return walker;
#else
    return reinterpret_cast<bool (*)()>(reinterpret_cast<void*>(walker));
#endif
}

} // namespace

List* parse(const char* text) {
#if PG_VERSION_NUM >= 140000 // 14: parse modes
    return raw_parser(text, RAW_PARSE_DEFAULT);
#else
    return raw_parser(text);
#endif
}

Node* statement_of(Node* parsed) noexcept {
#if PG_VERSION_NUM >= 100000 // 10: RawStmt
    return castNode(RawStmt, parsed)->stmt;
#else
    return parsed;
#endif
}

bool walk_children(Node* node, bool (*walker)(Node*, void*), void* context) {
    return expression_tree_walker(node, server_walker(walker), context);
}

bool walk_query(Query* query, bool (*walker)(Node*, void*), void* context) {
    return query_tree_walker(query, server_walker(walker), context, 0);
}

bool walk_raw_children(Node* node, bool (*walker)(Node*, void*), void* context) {
    return raw_expression_tree_walker(node, server_walker(walker), context);
}

bool is_known_in_raw_expression(const Node* node) noexcept {
    switch (nodeTag(node)) {
    case T_List:
    case T_Integer:
    case T_Float:
    case T_String:
    case T_BitString:
#if PG_VERSION_NUM >= 150000 // 15: boolean constants; NULL became a flag
    case T_Boolean:
#else
    case T_Null:
#endif
    case T_A_Const:
    case T_ParamRef:
    case T_ColumnRef:
    case T_A_Star:
    case T_A_Expr:
    case T_BoolExpr:
    case T_NullTest:
    case T_BooleanTest:
    case T_FuncCall:
    case T_NamedArgExpr:
    case T_A_Indices:
    case T_A_Indirection:
    case T_A_ArrayExpr:
    case T_TypeCast:
    case T_TypeName:
    case T_CollateClause:
    case T_CaseExpr:
    case T_CoalesceExpr:
    case T_MinMaxExpr:
    case T_RowExpr:
    case T_XmlExpr:
    case T_XmlSerialize:
#if PG_VERSION_NUM >= 100000 // 10: CURRENT_USER and its like (before, functions and casts), XMLTABLE
    case T_SQLValueFunction:
    case T_RangeTableFunc:
    case T_RangeTableFuncCol:
#endif
#if PG_VERSION_NUM >= 90500 // 9.5: grouping sets
    case T_GroupingFunc:
    case T_GroupingSet:
#endif
    // of a subquery
    case T_SubLink:
    case T_SelectStmt:
    case T_ResTarget:
    case T_RangeVar:
    case T_Alias:
    case T_RangeSubselect:
    case T_RangeFunction:
    case T_ColumnDef:
    case T_JoinExpr:
    case T_SortBy:
    case T_WindowDef:
    case T_WithClause:
    case T_CommonTableExpr:
        return true;
    default:
        return false;
    }
}

bool is_boolean_literal(Node* parsed) noexcept {
#if PG_VERSION_NUM >= 150000 // 15: boolean constants
    return IsA(parsed, A_Const) && nodeTag(&reinterpret_cast<A_Const*>(parsed)->val) == T_Boolean;
#else
    // Only the grammar makes a cast to boolean without a position.
    if (!IsA(parsed, TypeCast))
        return false;
    const TypeCast* const cast = reinterpret_cast<TypeCast*>(parsed);
    return cast->typeName->location == -1 && IsA(cast->arg, A_Const) && cast->location == -1;
#endif
}

const char* column_name(Oid relation, AttrNumber number) {
#if PG_VERSION_NUM >= 110000 // 11: missing_ok
    return get_attname(relation, number, false);
#else
    return get_attname(relation, number);
#endif
}

#if PG_VERSION_NUM >= 90600 // 9.6: check_functions_in_node

bool functions_in_node(Node* node, bool (*checker)(Oid, void*), void* context) {
    return check_functions_in_node(node, checker, context);
}

#else

namespace {

bool check_io_conversion(const CoerceViaIO& conversion, bool (*checker)(Oid, void*), void* context) {
    Oid function;
    Oid parameter;
    bool is_varlena;
    getTypeInputInfo(conversion.resulttype, &function, &parameter);
    if (checker(function, context))
        return true;
    getTypeOutputInfo(exprType(reinterpret_cast<Node*>(conversion.arg)), &function, &is_varlena);
    return checker(function, context);
}

bool check_row_comparison(const RowCompareExpr& comparison, bool (*checker)(Oid, void*), void* context) {
    ListCell* cell;
    foreach (cell, comparison.opnos)
        if (checker(get_opcode(lfirst_oid(cell)), context))
            return true;
    return false;
}

} // namespace

bool functions_in_node(Node* node, bool (*checker)(Oid, void*), void* context) {
    switch (nodeTag(node)) {
    case T_Aggref:
        return checker(reinterpret_cast<Aggref*>(node)->aggfnoid, context);
    case T_WindowFunc:
        return checker(reinterpret_cast<WindowFunc*>(node)->winfnoid, context);
    case T_FuncExpr:
        return checker(reinterpret_cast<FuncExpr*>(node)->funcid, context);
    case T_OpExpr:
    case T_DistinctExpr:
    case T_NullIfExpr:
        set_opfuncid(reinterpret_cast<OpExpr*>(node));
        return checker(reinterpret_cast<OpExpr*>(node)->opfuncid, context);
    case T_ScalarArrayOpExpr:
        set_sa_opfuncid(reinterpret_cast<ScalarArrayOpExpr*>(node));
        return checker(reinterpret_cast<ScalarArrayOpExpr*>(node)->opfuncid, context);
    case T_CoerceViaIO:
        return check_io_conversion(*reinterpret_cast<CoerceViaIO*>(node), checker, context);
    case T_ArrayCoerceExpr: {
        const Oid element = reinterpret_cast<ArrayCoerceExpr*>(node)->elemfuncid;
        return OidIsValid(element) && checker(element, context);
    }
    case T_RowCompareExpr:
        return check_row_comparison(*reinterpret_cast<RowCompareExpr*>(node), checker, context);
    default:
        return false;
    }
}

#endif

} // namespace sessionctl::compat
