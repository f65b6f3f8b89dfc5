// From the text of a condition to its query: one parse, one analysis.
#pragma once

#include "pg/condition/condition.hpp"
#include "pg/condition/error.hpp"

namespace sessionctl::pg {

/// Parses, checks and analyses the condition. Call it inside a ConditionScope, with an active snapshot.
/// Errors: those of evaluate().
Query* compile(const Condition& condition, const Statement& statement, bool is_under_other);

} // namespace sessionctl::pg
