#include "pg/condition/condition.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/condition/compile.hpp"
#include "pg/condition/error.hpp"
#include "pg/condition/matches.hpp"
#include "pg/condition/scope.hpp"
#include "pg/condition/values.hpp"
#include "pg/sessions/roster_in_force.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace sessionctl::pg {

namespace {

core::vector<Match> run(const Condition& condition, const Statement& statement, Query* query) {
    const MatchList* const found = about_condition(condition.text, [&] {
        MatchList* const matches = MatchList::make();
        execute(compat::plan(query, statement.text.c_str()), statement, *matches);
        PopActiveSnapshot();
        return matches;
    });
    return found->matches();
}

/// Under another user's rights an error could quote what only that user may see (a cast of another session's
/// query): the caller gets its SQLSTATE, not its text.
core::vector<Match> run_hiding_error_text(const Condition& condition, const Statement& statement,
                                          Query* query, bool is_under_other) {
    int sqlstate = 0;
    try {
        return run(condition, statement, query);
    } catch (const PgError& e) {
        if (!is_under_other || e.is_cancel())
            throw;
        sqlstate = e.data()->sqlerrcode;
    }
    throw core::Error(call([sqlstate] { return unpack_sql_state(sqlstate); }),
                      "the condition raised an error while it ran")
        .hint("Inside a SECURITY DEFINER function the error message is withheld, because it may contain data "
              "that only the owner of the function may see.");
}

Oid view_oid() {
    return call([] {
        const Oid schema = get_namespace_oid("sessionctl", false);
        return get_relname_relid("session_activity", schema);
    });
}

core::string column_list(Oid view) {
    core::string columns;
    call([&] {
        const Relation relation = relation_open(view, AccessShareLock);
        for (AttrNumber number = 1; number <= RelationGetNumberOfAttributes(relation); ++number) {
            if (number > 1)
                columns.append(", ");
            columns.append(compat::column_name(view, number));
        }
        relation_close(relation, AccessShareLock);
    });
    return columns;
}

} // namespace

List* columns_named(const char* text) {
    core::vector<core::string> names;
    if (!core::parse_names(text, names) || names.empty())
        throw core::Error(core::sqlstate::invalid_parameter_value, "invalid list of columns \"%s\"", text)
            .hint("Name one column of sessionctl.session_activity or several, with commas between: 'usename, "
                  "datname'.");
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const Oid view = view_oid();
    List* columns = NIL;
    for (const core::string& name : names) {
        const char* const column = name.c_str();
        if (call([=] { return get_attnum(view, column); }) <= 0)
            throw core::Error(core::sqlstate::invalid_parameter_value,
                              "column \"%s\" of sessionctl.session_activity does not exist", column)
                .hint("Its columns are: %s.", column_list(view).c_str());
        columns = call([=] { return lappend(columns, makeString(pstrdup(column))); });
    }
    return columns;
}

core::vector<Match> evaluate(const Condition& condition, const Roster& roster) {
    const Statement statement(condition.text);
    const RosterInForce in_force(roster);
    ConditionScope scope;
    call([] { PushActiveSnapshot(GetTransactionSnapshot()); }); // a background worker has none
    Query* const query = compile(condition, statement, scope.is_under_other());
    const List* const comparisons = call([query] { return text_comparisons(query); });
    core::vector<Match> matches = run_hiding_error_text(condition, statement, query, scope.is_under_other());
    scope.leave();
    report_unknown_values(comparisons, roster, !matches.empty());
    return matches;
}

} // namespace sessionctl::pg
