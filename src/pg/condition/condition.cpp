#include "pg/condition/condition.hpp"

#include "core/error.hpp"
#include "core/text.hpp"
#include "pg/condition/error.hpp"
#include "pg/condition/scope.hpp"
#include "pg/condition/syntax.hpp"
#include "pg/condition/values.hpp"
#include "pg/sessions/roster_in_force.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "executor/tuptable.h"
#include "nodes/makefuncs.h"
#include "nodes/plannodes.h"
#include "parser/parse_node.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
}

namespace sessionctl::pg {

namespace {

// --- one parse

/// The condition's parse tree, and whether it is the literal true or false.
struct Expression {
    Node* node;
    bool is_literal;
};

Expression parse(const Condition& condition, const Statement& statement, bool is_under_other) {
    const SoleExpression sole = about_condition(
        condition.text, [&statement] { return sole_expression(compat::parse(statement.parsed.c_str())); });
    if (sole.node == nullptr)
        refuse_as_no_expression(sole.label);
    const Finding finding =
        about_condition(condition.text, [&] { return check_syntax(sole.node, is_under_other); });
    if (finding.refusal != Refusal::none)
        refuse(finding, statement, condition.text);
    return {sole.node, compat::is_boolean_literal(sole.node)};
}

// --- one analysis

/// Replaces a $n by its value, as a constant.
Node* value_of_parameter(ParseState* state, ParamRef* parameter) {
    const auto& condition = *static_cast<const Condition*>(compat::analysis_context(state));
    const int index = parameter->number - 1;
    if (index < 0 || index >= condition.arguments)
        return nullptr;
    const Oid type = condition.types[index];
    const bool is_null = condition.nulls[index] == 'n';
    int16 length;
    bool by_value;
    get_typlenbyval(type, &length, &by_value);
    Const* const value = makeConst(type, -1, get_typcollation(type), length,
                                   is_null ? Datum(0) : condition.values[index], is_null, by_value);
    value->location = parameter->location;
    return reinterpret_cast<Node*>(value);
}

/// Our own statement with the condition's node and the columns `per` inserted. The caller's text is not
/// pasted.
Node* statement_around(const Condition& condition, Node* expression) {
    StringInfoData text;
    initStringInfo(&text);
    appendStringInfoString(&text, "SELECT s.pid");
    for (int i = 0; i < list_length(condition.per); ++i)
        appendStringInfoString(&text, ", s.pid::pg_catalog.text");
    appendStringInfoString(&text, " FROM sessionctl.session_activity AS s");
    Node* const parsed = static_cast<Node*>(linitial(compat::parse(text.data)));
    auto* const select = reinterpret_cast<SelectStmt*>(compat::statement_of(parsed));
    select->whereClause = expression;
    for (int i = 0; i < list_length(condition.per); ++i) {
        const auto* const group = static_cast<ResTarget*>(list_nth(select->targetList, i + 1));
        const auto* const cast = reinterpret_cast<TypeCast*>(group->val);
        lsecond(reinterpret_cast<ColumnRef*>(cast->arg)->fields) = list_nth(condition.per, i);
    }
    return parsed;
}

Query* analyze(const Condition& condition, const Statement& statement, const Expression& expression,
               bool is_under_other) {
    struct Analysis {
        Query* query;
        Finding finding;
    };
    const auto [query, finding] = about_condition(condition.text, [&]() -> Analysis {
        Node* const parsed = statement_around(condition, expression.node);
        Query* const analysed = compat::analyze(parsed, statement.text.c_str(), value_of_parameter,
                                                const_cast<Condition*>(&condition));
        return {analysed, inspect(analysed->jointree->quals, is_under_other)};
    });
    const bool is_accepted = finding.refusal == Refusal::none ||
                             (expression.is_literal && finding.refusal == Refusal::ignores_session);
    if (!is_accepted)
        refuse(finding, statement, condition.text);
    return query;
}

// --- one execution

/// Rows from the executor, in memory that outlives it. Not a container: an allocation failure could not be
/// thrown through the executor's frames.
struct Rows {
    MemoryContext memory;
    Match* first;
    std::size_t count;
    std::size_t capacity;
};

/// The values of the columns `per`, each followed by a byte that occurs in no text, so that different values
/// give different groups.
std::string_view group_in(TupleTableSlot* row, MemoryContext memory) {
    const int columns = row->tts_tupleDescriptor->natts;
    if (columns == 1)
        return {};
    StringInfoData group;
    initStringInfo(&group);
    for (int column = 2; column <= columns; ++column) {
        bool is_null;
        const Datum value = slot_getattr(row, column, &is_null);
        if (!is_null)
            appendStringInfoString(&group, TextDatumGetCString(value));
        appendStringInfoChar(&group, '\0');
    }
    auto* const kept = static_cast<char*>(MemoryContextAlloc(memory, group.len));
    std::memcpy(kept, group.data, group.len);
    pfree(group.data);
    return {kept, static_cast<std::size_t>(group.len)};
}

void add_row(TupleTableSlot* row, void* context) {
    auto& rows = *static_cast<Rows*>(context);
    bool is_null;
    const Datum pid = slot_getattr(row, 1, &is_null);
    if (is_null)
        elog(ERROR, "a session without a process ID matched");
    if (rows.count == rows.capacity) {
        rows.capacity *= 2;
        rows.first = static_cast<Match*>(repalloc(rows.first, rows.capacity * sizeof(Match)));
    }
    rows.first[rows.count++] = {DatumGetInt32(pid), group_in(row, rows.memory)};
}

core::vector<Match> run(const Condition& condition, const Statement& statement, Query* query) {
    const Rows rows = about_condition(condition.text, [&] {
        constexpr std::size_t first_capacity = 64;
        Rows found = {CurrentMemoryContext, nullptr, 0, first_capacity};
        found.first = static_cast<Match*>(palloc(first_capacity * sizeof(Match)));
        compat::execute(compat::plan(query, statement.text.c_str()), statement.text.c_str(), add_row, &found);
        PopActiveSnapshot();
        return found;
    });
    return core::vector<Match>(rows.first, rows.first + rows.count);
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

void check_not_empty(const char* condition) {
    if (condition[std::strspn(condition, " \t\r\n\f\v")] == '\0')
        throw core::Error(core::sqlstate::syntax_error, "the condition is empty")
            .hint("Use 'true' to select every session.");
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
    check_not_empty(condition.text);
    const Statement statement(condition.text);
    const RosterInForce in_force(roster);
    ConditionScope scope;
    call([] { PushActiveSnapshot(GetTransactionSnapshot()); }); // a background worker has none
    const Expression expression = parse(condition, statement, scope.is_under_other());
    Query* const query = analyze(condition, statement, expression, scope.is_under_other());
    const List* const comparisons = call([query] { return text_comparisons(query); });
    core::vector<Match> matches = run_hiding_error_text(condition, statement, query, scope.is_under_other());
    scope.leave();
    report_unknown_values(comparisons, roster, !matches.empty());
    return matches;
}

} // namespace sessionctl::pg
