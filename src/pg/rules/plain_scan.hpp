// Plans of conditions that look at nothing but the columns of a session: they need no executor.
#pragma once

#include "pg/condition/matches.hpp"
#include "pg/rules/rule_tick.hpp"

namespace sessionctl::pg {

/// A plan that only scans session_activity's function. Points into the plan.
struct PlainScan {
    Oid function;     // that it scans
    List* gate;       // conditions that are the same for all rows
    List* conditions; // for each row
    List* groups;     // expressions for the columns `per`
    int pid_column;
};

/// False where the plan is any other.
bool is_plain_scan(const PlannedStmt& plan, PlainScan& scan);

/// What executing that plan would find among the rows. Call it inside pg::call.
void scan_rows(const PlainScan& scan, const ActivityRows& rows, MatchList& matches);

} // namespace sessionctl::pg
