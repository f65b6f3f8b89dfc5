#include "pg/condition/error.hpp"

#include "core/error.hpp"

extern "C" {
#include "mb/pg_wchar.h"
}

namespace sessionctl::pg {

namespace {

constexpr char expression_hint[] =
    "A condition is one boolean expression over the columns of "
    "sessionctl.session_activity. Write text, times and intervals in single quotes: idle_for > '10 min'.";

constexpr char parameter_hint[] =
    "Pass the values of $1, $2 ... in args, an array of text in this order: array['regina', 'psql']. Each "
    "value takes the type that its context requires.";

/// Converts a position in our statement to one in the caller's text, in characters from 1.
int own_position(int position, int length) noexcept {
    return std::clamp(position - Statement::prefix, 1, length + 1);
}

int length_of(const char* condition) {
    return call([condition] { return pg_mbstrlen(condition); });
}

/// For a name that is not a column (or, with a dot in it, not a table).
const char* column_hint(const char* message) noexcept {
    if (std::strstr(message, "procpid") != nullptr)
        return "The column is called pid since PostgreSQL 9.2.";
    if (std::strstr(message, "current_query") != nullptr)
        return "The column is called query since PostgreSQL 9.2.";
    return "Write text in single quotes: usename = 'app', and within a quoted condition usename = ''app''. "
           "The columns are those of sessionctl.session_activity.";
}

/// Where a condition runs with rights that its readers or others may lack.
struct Place {
    const char* name; // after "a condition"
    const char* rights;
    const char* values; // to compare with
};

constexpr Place definer_function = {"inside a SECURITY DEFINER function", "with that function's rights",
                                    "values passed in args"};
constexpr Place rule_of_user = {"of a rule whose owner is no superuser", "by itself with the owner's rights",
                                "constants"};

core::Error error_for_risky(const Finding& finding, const Place& place) {
    constexpr const char* sqlstate = core::sqlstate::insufficient_privilege;
    core::Error error =
        OidIsValid(finding.object)
            ? core::Error(sqlstate, "function %s is not allowed in a condition %s",
                          call([&finding] { return format_procedure(finding.object); }), place.name)
            : core::Error(sqlstate,
                          "types and collations that are not PostgreSQL's own are not allowed in a condition "
                          "%s",
                          place.name);
    error.hint("It would run %s, and could run others' code or read what they may not. Immutable functions "
               "of pg_catalog, and those of times, may be used there.",
               place.rights);
    return error;
}

core::Error error_for(const Finding& finding, const Place& place) {
    using namespace core::sqlstate;
    switch (finding.refusal) {
    case Refusal::unknown_construct:
        return core::Error(feature_not_supported, "this clause or expression is not allowed in a condition")
            .hint("A condition can contain expressions, and subqueries without locking clauses, TABLESAMPLE, "
                  "and data-modifying statements.");
    case Refusal::bare_star:
        return core::Error(syntax_error, "a condition must be one expression").hint("%s", expression_hint);
    case Refusal::volatile_function:
        return core::Error(feature_not_supported, "volatile function %s is not allowed in a condition",
                           call([&finding] { return format_procedure(finding.object); }))
            .hint("A condition only looks%s. To end sessions give the condition to "
                  "sessionctl.terminate_where.",
                  finding.object < FirstNormalObjectId
                      ? ""
                      : ": declare the function STABLE if that is all it does");
    case Refusal::foreign_domain:
        return core::Error(feature_not_supported, "domain %s is not allowed in a condition",
                           call([&finding] { return format_type_be(finding.object); }))
            .hint("Its constraints could change something. Cast to its base type instead.");
    case Refusal::old_spelling:
        return core::Error(invalid_parameter_value, "no session shows '<IDLE>' as its query")
            .hint("Since PostgreSQL 9.2 write state = 'idle' or state = 'idle in transaction'.");
    case Refusal::subquery_under_other:
        return core::Error(insufficient_privilege, "a subquery is not allowed in a condition %s", place.name)
            .hint("It would run %s. Compare with %s instead.", place.rights, place.values);
    case Refusal::foreign_name_under_other:
        return core::Error(insufficient_privilege,
                           "a name outside of pg_catalog is not allowed in a condition %s", place.name)
            .hint("It could run others' code %s. Columns, and the types, operators and functions of "
                  "PostgreSQL itself, need no schema.",
                  place.rights);
    case Refusal::risky_under_other:
        return error_for_risky(finding, place);
    case Refusal::ignores_session:
        return core::Error(invalid_parameter_value, "the condition does not look at the session")
            .hint("It would match every session or none. Use a column of sessionctl.session_activity, in a "
                  "subquery with the alias s. The user of the session is usename, whereas user is the "
                  "current user. To select every session, use 'true'.");
    case Refusal::none:
        break;
    }
    throw std::logic_error("condition refused without a reason");
}

} // namespace

ConditionContext::ConditionContext(const char* condition)
    : condition_(condition), length_(length_of(condition)) {}

void ConditionContext::add_position(void* context) noexcept {
    const auto& self = *static_cast<ConditionContext*>(context);
    const int position = geterrposition();
    if (position <= 0)
        return;
    errposition(0);
    internalerrposition(own_position(position, self.length_));
    internalerrquery(self.condition_);
}

void ConditionContext::add_hint(ErrorData& error) const noexcept {
    if (error.internalquery == nullptr || error.hint != nullptr ||
        std::strcmp(error.internalquery, condition_) != 0)
        return;
    const char* hint = nullptr;
    switch (error.sqlerrcode) {
    case ERRCODE_SYNTAX_ERROR:
    case ERRCODE_DATATYPE_MISMATCH:
        hint = expression_hint;
        break;
    case ERRCODE_UNDEFINED_COLUMN:
        hint = column_hint(error.message);
        break;
    case ERRCODE_UNDEFINED_TABLE: // app.web, or a table in a subquery
        if (std::strstr(error.message, "FROM") != nullptr)
            hint = column_hint(error.message);
        break;
    case ERRCODE_UNDEFINED_PARAMETER:
        hint = parameter_hint;
        break;
    }
    error.hint = const_cast<char*>(hint);
}

void refuse_as_no_expression(const char* label) {
    core::Error error(core::sqlstate::syntax_error, "a condition must be one expression");
    if (label != nullptr)
        error.detail("The name \"%s\" follows the expression.", label);
    throw error.hint("%s", expression_hint);
}

void refuse(const Finding& finding, const Statement& statement, const Condition& condition) {
    core::Error error = error_for(finding, condition.is_of_rule ? rule_of_user : definer_function);
    if (finding.location >= 0) {
        const int before =
            call([&] { return pg_mbstrlen_with_len(statement.text.c_str(), finding.location); });
        error.at(condition.text, own_position(before + 1, length_of(condition.text)));
    }
    throw error;
}

} // namespace sessionctl::pg
