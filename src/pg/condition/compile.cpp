#include "pg/condition/compile.hpp"

#include "core/error.hpp"
#include "pg/condition/syntax.hpp"

extern "C" {
#include "nodes/makefuncs.h"
#include "parser/parse_node.h"
#include "utils/lsyscache.h"
}

namespace sessionctl::pg {

namespace {

// --- one parse

/// The condition's parse tree, and whether it is the literal true or false.
struct Expression {
    Node* node;
    bool is_literal;
};

void check_not_empty(const char* condition) {
    if (condition[std::strspn(condition, " \t\r\n\f\v")] == '\0')
        throw core::Error(core::sqlstate::syntax_error, "the condition is empty")
            .hint("Use 'true' to select every session.");
}

Expression parse(const Condition& condition, const Statement& statement, bool is_under_other) {
    const SoleExpression sole = about_condition(
        condition.text, [&statement] { return sole_expression(compat::parse(statement.parsed.c_str())); });
    if (sole.node == nullptr)
        refuse_as_no_expression(sole.label);
    const Finding finding =
        about_condition(condition.text, [&] { return check_syntax(sole.node, is_under_other); });
    if (finding.refusal != Refusal::none)
        refuse(finding, statement, condition);
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
    appendStringInfoString(&text, condition.is_about_server ? "SELECT 0" : "SELECT s.pid");
    for (int i = 0; i < list_length(condition.per); ++i)
        appendStringInfoString(&text, ", s.pid::pg_catalog.text");
    if (!condition.is_about_server)
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

bool is_accepted(const Condition& condition, const Finding& finding, bool is_literal) noexcept {
    if (finding.refusal == Refusal::ignores_session)
        return is_literal || condition.is_about_server;
    return finding.refusal == Refusal::none;
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
    if (!is_accepted(condition, finding, expression.is_literal))
        refuse(finding, statement, condition);
    return query;
}

} // namespace

Query* compile(const Condition& condition, const Statement& statement, bool is_under_other) {
    check_not_empty(condition.text);
    return analyze(condition, statement, parse(condition, statement, is_under_other), is_under_other);
}

} // namespace sessionctl::pg
