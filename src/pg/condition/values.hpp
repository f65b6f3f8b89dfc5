// Detects comparisons of a column with a value that no session can have: probably a mistake.
#pragma once

#include "pg/sessions/roster.hpp"

namespace sessionctl::pg {

/// The comparisons, for equality or inequality, of the session's columns with texts, in an analysed query
/// whose only range table entry is session_activity. Raises no error of its own; call it inside pg::call.
List* text_comparisons(Query* query);

/// Raises a NOTICE with the possible values if a comparison is with a text that no session can have (state =
/// 'Idle') and no session matched. An excluding comparison (state <> 'Idle') gets it in any case.
void report_unknown_values(const List* comparisons, const Roster& roster, bool has_matches);

} // namespace sessionctl::pg
