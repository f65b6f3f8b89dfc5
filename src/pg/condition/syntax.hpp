// What a condition may be made of, found in what the grammar made of it, before anything is looked up.
#pragma once

#include "pg/condition/check.hpp"

namespace sessionctl::pg {

/// The only expression of "SELECT <condition>", or null: then the text was more, or less, than that.
struct SoleExpression {
    Node* node;
    const char* label; // a name behind the expression, which makes it more than one; or null
};
SoleExpression sole_expression(List* statements);

/// Looks at an expression as the grammar made it. Under another user's rights it also has every name looked
/// up in pg_catalog alone, since the analysis already runs the input functions of literals. Runs inside
/// pg::call.
Finding check_syntax(Node* expression, bool is_under_other);

} // namespace sessionctl::pg
