#include "pg/condition/syntax.hpp"

extern "C" {
#include "access/transam.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_type.h"
}

namespace sessionctl::pg {

namespace {

struct Check {
    bool is_under_other;
    Finding finding;
};

bool refuse(Check& check, Refusal refusal, Node* node) {
    check.finding = {refusal, exprLocation(node), InvalidOid};
    return true;
}

bool is_bare_star(const Node* node) noexcept {
    return node != nullptr && IsA(node, ColumnRef) &&
           IsA(linitial(reinterpret_cast<const ColumnRef*>(node)->fields), A_Star);
}

bool is_in_pg_catalog(const List* name) noexcept {
    return list_length(name) == 2 && std::strcmp(strVal(linitial(name)), "pg_catalog") == 0;
}

/// Makes the name be looked up in pg_catalog alone; false if it has another schema.
bool pin_to_pg_catalog(List*& name) {
    if (list_length(name) == 1)
        name = lcons(makeString(pstrdup("pg_catalog")), name);
    return is_in_pg_catalog(name);
}

/// A user-defined type in pg_catalog (its owner may move an extension there), or a type that core does not
/// have.
bool is_foreign_type(TypeName* name) {
    const Oid type = LookupTypeNameOid(nullptr, name, true);
    return type >= FirstNormalObjectId;
}

bool may_name_under_other(Node* node) {
    switch (nodeTag(node)) {
    case T_TypeName: {
        auto& type = *reinterpret_cast<TypeName*>(node);
        return !type.pct_type && pin_to_pg_catalog(type.names) && !is_foreign_type(&type);
    }
    case T_FuncCall: { // with one argument it may be a cast
        auto& function = *reinterpret_cast<FuncCall*>(node);
        return pin_to_pg_catalog(function.funcname) &&
               !is_foreign_type(makeTypeNameFromNameList(function.funcname));
    }
    case T_CollateClause:
        return pin_to_pg_catalog(reinterpret_cast<CollateClause*>(node)->collname);
    case T_A_Expr: {
        const List* const name = reinterpret_cast<A_Expr*>(node)->name;
        return list_length(name) <= 1 || is_in_pg_catalog(name);
    }
    case T_ColumnRef:
        return list_length(reinterpret_cast<ColumnRef*>(node)->fields) <= 2;
    default:
        return true;
    }
}

bool check_node(Node* node, void* context) {
    auto& check = *static_cast<Check*>(context);
    if (node == nullptr)
        return false;
    check_stack_depth();
    if (!compat::is_known_in_raw_expression(node))
        return refuse(check, Refusal::unknown_construct, node);
    if (is_bare_star(node))
        return refuse(check, Refusal::bare_star, node);
    // In a subquery, the only place where it is allowed.
    if (IsA(node, ResTarget) && is_bare_star(reinterpret_cast<ResTarget*>(node)->val))
        return false;
    if (check.is_under_other && IsA(node, SubLink))
        return refuse(check, Refusal::subquery_under_other, node);
    if (check.is_under_other && !may_name_under_other(node))
        return refuse(check, Refusal::foreign_name_under_other, node);
    return compat::walk_raw_children(node, check_node, context);
}

} // namespace

SoleExpression sole_expression(List* statements) {
    if (list_length(statements) != 1)
        return {};
    Node* const statement = compat::statement_of(static_cast<Node*>(linitial(statements)));
    if (!IsA(statement, SelectStmt))
        return {};
    const auto& select = *reinterpret_cast<SelectStmt*>(statement);
    const bool has_clause =
        select.distinctClause != NIL || select.intoClause != nullptr || select.fromClause != NIL ||
        select.whereClause != nullptr || select.groupClause != NIL || select.havingClause != nullptr ||
        select.windowClause != NIL || select.valuesLists != NIL || select.sortClause != NIL ||
        select.limitOffset != nullptr || select.limitCount != nullptr || select.lockingClause != NIL ||
        select.withClause != nullptr || select.op != SETOP_NONE;
    if (has_clause || list_length(select.targetList) != 1)
        return {};
    const auto& target = *static_cast<ResTarget*>(linitial(select.targetList));
    if (target.name != nullptr)
        return {nullptr, target.name};
    return {target.val, nullptr};
}

Finding check_syntax(Node* expression, bool is_under_other) {
    Check check = {is_under_other, {Refusal::none, -1, InvalidOid}};
    check_node(expression, &check);
    return check.finding;
}

} // namespace sessionctl::pg
