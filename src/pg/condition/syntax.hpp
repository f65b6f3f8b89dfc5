// Checks a condition's raw parse tree, before any name is looked up.
#pragma once

#include "pg/condition/check.hpp"

namespace sessionctl::pg {

/// The only expression of "SELECT <condition>"; null if the text is anything else.
struct SoleExpression {
    Node* node;
    const char* label; // a name after the expression, which is not allowed; or null
};
SoleExpression sole_expression(List* statements);

/// Checks the raw expression. Under another user's rights it also makes every name be looked up in pg_catalog
/// alone, since analysis already runs the input functions of literals. Call it inside pg::call.
Finding check_syntax(Node* expression, bool is_under_other);

} // namespace sessionctl::pg
