// Values that no session has: a condition that compares a column with one says something else than was meant.
#pragma once

#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// The comparisons, for equality or its opposite, of the session's columns with texts, in an analysed query
/// whose only range table entry is session_activity. Raises no error of its own; runs inside pg::call.
List* text_comparisons(Query* query);

/// NOTICE with the values that there are, where one of them is with a text that no session can have (state =
/// 'Idle') and no session matched, or whatever matched where it excludes (state <> 'Idle').
void tell_unknown_values(const List* comparisons, const Roster& roster, bool has_matches);

} // namespace sessionctl::pg
