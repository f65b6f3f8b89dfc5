#include "pg/condition.hpp"

#include "core/error.hpp"
#include "pg/condition_error.hpp"

extern "C" {
#include "access/heapam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_attribute.h"
#include "executor/spi.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
}

namespace sessionctl::pg {

namespace {

constexpr char pinned_search_path[] = "pg_catalog, sessionctl, pg_temp";
/// The transaction is read-only while it lives, and names are looked up where nobody else may create any. An
/// error leaves the parameter to the transaction's abort.
class Quarantine {
  public:
    Quarantine() : was_read_only_(XactReadOnly) {
        level_ = call([] {
            const int level = NewGUCNestLevel();
            compat::set_parameter_locally("search_path", pinned_search_path);
            return level;
        });
        XactReadOnly = true;
    }
    ~Quarantine() { XactReadOnly = was_read_only_; }
    Quarantine(const Quarantine&) = delete;
    Quarantine& operator=(const Quarantine&) = delete;

    void lift() {
        call([this] { AtEOXact_GUC(true, level_); });
    }

  private:
    const bool was_read_only_;
    int level_;
};

Node* parse_one(const Statement& statement, const char* condition) {
    List* const parsed =
        about_condition(statement, condition, [&statement] { return compat::parse(statement.text.c_str()); });
    if (list_length(parsed) != 1)
        throw core::Error(core::sqlstate::syntax_error, "a condition must be one expression")
            .hint("%s", expression_hint);
    return static_cast<Node*>(linitial(parsed));
}

Node* only_target(Node* parsed) {
    const auto* const select = reinterpret_cast<SelectStmt*>(compat::statement_of(parsed));
    if (list_length(select->targetList) != 1)
        throw core::Error(core::sqlstate::syntax_error, "a condition must be one expression")
            .hint("%s", expression_hint);
    return reinterpret_cast<ResTarget*>(linitial(select->targetList))->val;
}

/// Parses the condition twice: in parentheses nothing may follow the expression (FROM, UNION, ORDER BY, a
/// comma, ';', a comment up to the end), without them it can't close a parenthesis that it did not open. What
/// passes both is one expression. Returns whether it is the literal true or false.
bool check_syntax(const char* condition) {
    parse_one({"SELECT (", condition, ")"}, condition);
    Node* const target = only_target(parse_one({"SELECT ", condition, ""}, condition));
    return compat::is_boolean_literal(target);
}

void check_meaning(const Condition& condition, const Statement& statement) {
    const bool is_literal = check_syntax(condition.text);
    Node* const parsed = parse_one(statement, condition.text);
    const Finding finding = about_condition(statement, condition.text, [&] {
        const Query* const query =
            compat::analyze(parsed, statement.text.c_str(), condition.types, condition.arguments);
        return inspect(query->jointree->quals);
    });
    if (finding.offence != Offence::none && !(is_literal && finding.offence == Offence::ignores_session))
        refuse(finding, statement, condition.text);
}

core::vector<Match> run(const Condition& condition, const Statement& statement) {
    core::vector<Match> matches;
    const MemoryContext memory = CurrentMemoryContext;
    about_condition(statement, condition.text, [&] {
        if (SPI_connect() != SPI_OK_CONNECT)
            elog(ERROR, "SPI_connect failed");
        const int result = SPI_execute_with_args(statement.text.c_str(), condition.arguments, condition.types,
                                                 condition.values, condition.nulls, true, 0);
        if (result != SPI_OK_SELECT)
            elog(ERROR, "SPI_execute_with_args failed: %s", SPI_result_code_string(result));
        const SPITupleTable& rows = *SPI_tuptable;
        matches.reserve(SPI_processed);
        for (uint64 row = 0; row < SPI_processed; ++row) {
            bool is_null;
            const int pid = DatumGetInt32(SPI_getbinval(rows.vals[row], rows.tupdesc, 1, &is_null));
            const char* const group = SPI_getvalue(rows.vals[row], rows.tupdesc, 2);
            matches.push_back({pid, group != nullptr ? MemoryContextStrdup(memory, group) : ""});
        }
        SPI_finish();
    });
    return matches;
}

/// Under a local change of user an error could quote what only that user may see (a cast of another session's
/// query): the caller learns its kind, not its words.
core::vector<Match> run_discreetly(const Condition& condition, const Statement& statement) {
    const bool under_other = call([] { return InLocalUserIdChange(); });
    int sqlstate = 0;
    try {
        return run(condition, statement);
    } catch (const PgError& e) {
        if (!under_other || e.data()->sqlerrcode == ERRCODE_QUERY_CANCELED)
            throw;
        sqlstate = e.data()->sqlerrcode;
    }
    throw core::Error(call([sqlstate] { return unpack_sql_state(sqlstate); }),
                      "the condition raised an error while it ran")
        .hint("What it says is withheld inside a SECURITY DEFINER function: it may quote what only that "
              "function may see.");
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

Statement statement_for(const Condition& condition) {
    core::string before("SELECT s.pid, ");
    if (condition.per != nullptr) {
        before.append("s.");
        before.append(call([&condition] { return quote_identifier(condition.per); }));
    } else {
        before.append("NULL");
    }
    before.append("::text FROM sessionctl.session_activity AS s WHERE (");
    return {{before.data(), before.size()}, condition.text, ")"};
}

void check_not_empty(const char* condition) {
    if (condition[std::strspn(condition, " \t\r\n\f\v")] == '\0')
        throw core::Error(core::sqlstate::syntax_error, "the condition is empty")
            .hint("Use 'true' to select every session.");
}

} // namespace

void check_column(const char* name) {
    const Oid view = view_oid();
    if (call([&] { return get_attnum(view, name); }) > 0)
        return;
    throw core::Error(core::sqlstate::invalid_parameter_value,
                      "column \"%s\" of sessionctl.session_activity does not exist", name)
        .hint("Its columns are: %s.", column_list(view).c_str());
}

core::vector<Match> evaluate(const Condition& condition, const Roster& roster) {
    check_not_empty(condition.text);
    const Statement statement = statement_for(condition);
    const RosterInForce in_force(roster);
    Quarantine quarantine;
    check_meaning(condition, statement);
    core::vector<Match> matches = run_discreetly(condition, statement);
    quarantine.lift();
    return matches;
}

} // namespace sessionctl::pg
