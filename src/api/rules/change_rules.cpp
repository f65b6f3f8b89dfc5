// create_session_rule, alter_session_rule, drop_session_rule.

#include "api/keep_out/lockdown_server.hpp"
#include "api/rules/owned_rule.hpp"
#include "api/serve.hpp"
#include "core/error.hpp"
#include "pg/memory.hpp"
#include "pg/rules/rule_condition.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/xact.h"
#include "commands/dbcommands.h"
}

using namespace sessionctl;
using api::Arguments;
using api::require_own_rights;
using api::require_owner;
using api::rule_named;

namespace {

struct Column {
    const char* name;
    Oid type;
    const char* initial; // in SQL; null: it has to be given
    bool is_nullable;
};

/// The parameters of create and alter, after the name.
constexpr Column columns[] = {
    {"condition", TEXTOID, nullptr, false},
    {"action", TEXTOID, "'log'", false},
    {"matching_for", INTERVALOID, "'0'", false},
    {"streak", TEXTOID, "'statement'", false},
    {"only_when", TEXTOID, "NULL", true},
    {"check_every", INTERVALOID, "'1 s'", false},
    {"at_most", INT4OID, "NULL", true},
    {"at_most_within", INTERVALOID, "'1 min'", false},
    {"enabled", BOOLOID, "true", false},
    {"step", INTERVALOID, "'2 s'", false},
    {"timeout", INTERVALOID, "'1 min'", false},
    {"close_socket", BOOLOID, "false", false},
    {"force", BOOLOID, "false", false},
    {"reason", TEXTOID, "NULL", true},
    {"include_superusers", BOOLOID, "false", false},
    {"include_replication", BOOLOID, "false", false},
    {"include_background", BOOLOID, "false", false},
    {"refuse_above", INT4OID, "NULL", true},
    {"keep", INT4OID, "0", false},
    {"keep_which", TEXTOID, "'oldest'", false},
    {"per", TEXTOID, "NULL", true},
    {"cooldown", INTERVALOID, "'0'", false},
};
constexpr int column_count = std::size(columns);

/// With their settings of now: they decide what its texts mean.
constexpr char settings[] = "timezone, datestyle, intervalstyle";
constexpr char settings_now[] = "pg_catalog.current_setting('TimeZone'), "
                                "pg_catalog.current_setting('DateStyle'), "
                                "pg_catalog.current_setting('IntervalStyle')";

constexpr char conflict[] = "another session is changing the same rule";

void require_rights_for(const pg::RuleRow& row) {
    if (row.closes_sockets && !pg::call([&row] { return superuser_arg(row.owner_oid); }))
        throw core::Error(core::sqlstate::insufficient_privilege,
                          "permission denied to close the connections of clients")
            .detail("Only superusers may use close_socket.");
}

pg::Parameter text_parameter(const char* text) {
    return {TEXTOID, pg::call([text] { return CStringGetTextDatum(text); })};
}

/// $1: the name, $2 and so on: the columns, as given.
core::vector<pg::Parameter> parameters_of(const char* name, FunctionCallInfo fcinfo) {
    core::vector<pg::Parameter> parameters = {text_parameter(name)};
    for (int i = 0; i < column_count; ++i)
        parameters.push_back({columns[i].type, PG_GETARG_DATUM(i + 1), PG_ARGISNULL(i + 1)});
    return parameters;
}

/// Changes the rule that was read, not one that another role has made under its name since. $1: the name.
void change(const pg::RuleRow& row, core::string statement, core::vector<pg::Parameter> parameters) {
    char same[64];
    const auto count = static_cast<int>(parameters.size());
    std::snprintf(same, sizeof same, " WHERE name = $1 AND owner_oid = $%d AND owner = $%d", count + 1,
                  count + 2);
    parameters.push_back({OIDOID, ObjectIdGetDatum(row.owner_oid)});
    parameters.push_back(text_parameter(row.owner));
    if (pg::run_sql(statement.append(same).c_str(), parameters, pg::As::superuser, conflict) == 0)
        throw core::Error(core::sqlstate::lock_not_available, "%s", conflict).hint("Try again.");
}

void add_owner(core::vector<pg::Parameter>& parameters) {
    const Oid owner = GetUserId();
    parameters.push_back(text_parameter(pg::call([owner] { return compat::role_name_or_null(owner); })));
    parameters.push_back({OIDOID, ObjectIdGetDatum(owner)});
}

void require_given(FunctionCallInfo fcinfo) {
    for (int i = 0; i < column_count; ++i)
        if (PG_ARGISNULL(i + 1) && !columns[i].is_nullable)
            throw core::Error(core::sqlstate::null_value_not_allowed, "argument \"%s\" must not be null",
                              columns[i].name);
}

/// What the worker will read is what is checked.
void check(const char* name) {
    pg::call([] { CommandCounterIncrement(); });
    const pg::RuleRow row = rule_named(name);
    const core::SessionRule rule = pg::rule_of(row);
    require_rights_for(row);
    pg::RuleCondition(pg::text_of(row)).check();
    pg::require_shared_memory("a session rule");
    if (rule.cooldown > 0)
        api::require_gate_setting();
}

void tell_if_not_in_force() {
    const char* const database = pg::call([] { return get_database_name(MyDatabaseId); });
    const char* const rules_database = pg::rules_database_setting();
    if (database == nullptr || std::strcmp(database, rules_database) != 0)
        pg::call([=] {
            ereport(WARNING, (errmsg("session rules of this database are not carried out"),
                              errdetail("pg_sessionctl.rules_database is \"%s\".", rules_database)));
        });
    else if (pg::rules_setting() == pg::RulesMode::off)
        pg::call([] {
            ereport(NOTICE,
                    (errmsg("session rules are not carried out"), errdetail("pg_sessionctl.rules is off."),
                     errhint("Set it to log to see what the rules would do, or to on.")));
        });
}

[[noreturn]] void refuse_duplicate(const char* name) {
    throw core::Error(core::sqlstate::duplicate_object, "session rule \"%s\" already exists",
                      pg::ShownName(name).text());
}

/// Another session may make one of this name at the same time.
void insert(const char* name, const core::string& statement, const core::vector<pg::Parameter>& parameters) {
    try {
        pg::run_sql(statement.c_str(), parameters, pg::As::superuser, conflict);
    } catch (const pg::PgError& error) {
        if (error.data()->sqlerrcode == ERRCODE_UNIQUE_VIOLATION)
            refuse_duplicate(name);
        throw;
    }
}

void require_room() {
    const int reserved = superuser() ? 0 : core::reserved_rules;
    const int most = core::most_rules - reserved;
    if (pg::read_rules().size() < static_cast<std::size_t>(most))
        return;
    core::Error error(core::sqlstate::program_limit_exceeded, "there can be at most %d session rules", most);
    if (reserved > 0)
        error.detail("Places for %d more are reserved for superusers.", reserved);
    throw error.hint("Drop those that are not needed, or let one condition stand for several.");
}

void create(const char* name, FunctionCallInfo fcinfo) {
    require_given(fcinfo);
    if (!pg::read_rules(name).empty())
        refuse_duplicate(name);
    require_room();
    core::vector<pg::Parameter> parameters = parameters_of(name, fcinfo);
    add_owner(parameters);
    core::string into("INSERT INTO sessionctl.session_rule (name");
    core::string values(") VALUES ($1");
    char number[16];
    for (int i = 0; i < column_count; ++i) {
        into.append(", ").append(columns[i].name);
        std::snprintf(number, sizeof number, ", $%d", i + 2);
        values.append(number);
    }
    into.append(", owner, owner_oid, ").append(settings);
    std::snprintf(number, sizeof number, ", $%d, $%d, ", column_count + 2, column_count + 3);
    values.append(number).append(settings_now).append(")");
    insert(name, into.append(values), parameters);
}

/// Errors: 22023 for a column that does not exist, can't be reset, or is given, too.
void check_reset(const core::vector<const char*>& reset, FunctionCallInfo fcinfo) {
    for (const char* const name : reset) {
        const auto* const column =
            std::find_if(std::begin(columns), std::end(columns),
                         [name](const Column& each) { return std::strcmp(each.name, name) == 0; });
        if (column == std::end(columns) || column->initial == nullptr) {
            core::string names;
            for (const Column& each : columns)
                if (each.initial != nullptr)
                    names.append(names.empty() ? "" : ", ").append(each.name);
            throw core::Error(core::sqlstate::invalid_parameter_value, "cannot reset \"%s\"",
                              pg::ShownName(name).text())
                .hint("What can be reset: %s.", names.c_str());
        }
        if (!PG_ARGISNULL(column - columns + 1))
            throw core::Error(core::sqlstate::invalid_parameter_value,
                              "argument \"%s\" is both given and reset", name);
    }
}

bool contains(const core::vector<const char*>& names, const char* name) noexcept {
    return std::any_of(names.begin(), names.end(),
                       [name](const char* each) { return std::strcmp(each, name) == 0; });
}

bool has_other_settings(const pg::RuleRow& row) {
    core::string others("SELECT 1 FROM sessionctl.session_rule WHERE name = $1 AND (");
    others.append(settings).append(") <> (").append(settings_now).append(")");
    bool is_other = false;
    const pg::ActAs role(pg::As::superuser);
    pg::query_rows(others.c_str(), {text_parameter(row.name)},
                   [&is_other](const SPITupleTable&, uint64) { is_other = true; });
    return is_other;
}

/// Of two texts, one that stays would be read with the settings of the other.
void require_both_texts(const pg::RuleRow& row, const core::vector<const char*>& reset,
                        FunctionCallInfo fcinfo) {
    const bool is_condition_new = !PG_ARGISNULL(1);
    const bool is_only_when_new = !PG_ARGISNULL(5);
    const bool stays = row.only_when != nullptr && !is_only_when_new && !contains(reset, "only_when");
    if (((is_only_when_new && !is_condition_new) || (is_condition_new && stays)) && has_other_settings(row))
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                          "condition and only_when of session rule \"%s\" must be given together",
                          pg::ShownName(row.name).text())
            .detail("They were given with another TimeZone, DateStyle or IntervalStyle than those of now.");
}

/// A superuser takes over a rule whose owner is not there any more.
void alter(const pg::RuleRow& row, const core::vector<const char*>& reset, FunctionCallInfo fcinfo) {
    check_reset(reset, fcinfo);
    require_both_texts(row, reset, fcinfo);
    const char* const owner = pg::call([&row] { return compat::role_name_or_null(row.owner_oid); });
    const bool is_orphaned = owner == nullptr || std::strcmp(owner, row.owner) != 0;
    core::vector<pg::Parameter> parameters = parameters_of(row.name, fcinfo);
    core::string update("UPDATE sessionctl.session_rule SET ");
    char set[160];
    for (int i = 0; i < column_count; ++i) {
        const Column& column = columns[i];
        if (contains(reset, column.name))
            std::snprintf(set, sizeof set, "%s = %s", column.name, column.initial);
        else
            std::snprintf(set, sizeof set, "%s = coalesce($%d, %s)", column.name, i + 2, column.name);
        update.append(i == 0 ? "" : ", ").append(set);
    }
    // The texts are in the settings of whoever wrote them last.
    if (!PG_ARGISNULL(1) || !PG_ARGISNULL(5))
        update.append(", (").append(settings).append(") = (").append(settings_now).append(")");
    if (is_orphaned) {
        add_owner(parameters);
        std::snprintf(set, sizeof set, ", owner = $%d, owner_oid = $%d", column_count + 2, column_count + 3);
        update.append(set);
    }
    change(row, std::move(update), std::move(parameters));
}

} // namespace

SQL_FUNCTION(sessionctl_create_session_rule)
{
    return api::serve([&]() -> Datum {
        require_own_rights("create");
        const pg::ScratchMemory scratch;
        const char* const name = Arguments(fcinfo).text("name");
        create(name, fcinfo);
        check(name);
        tell_if_not_in_force();
        return 0;
    });
}

SQL_FUNCTION(sessionctl_alter_session_rule)
{
    return api::serve([&]() -> Datum {
        require_own_rights("alter");
        const pg::ScratchMemory scratch;
        const char* const name = Arguments(fcinfo).text("name");
        const pg::RuleRow row = rule_named(name);
        require_owner(row);
        Arguments arguments(fcinfo, 1 + column_count);
        alter(row, arguments.texts("reset"), fcinfo);
        check(name);
        tell_if_not_in_force();
        return 0;
    });
}

SQL_FUNCTION(sessionctl_drop_session_rule)
{
    return api::serve([&]() -> Datum {
        require_own_rights("drop");
        const pg::ScratchMemory scratch;
        const char* const name = Arguments(fcinfo).text("name");
        const pg::RuleRow row = rule_named(name);
        require_owner(row);
        change(row, "DELETE FROM sessionctl.session_rule", {text_parameter(name)});
        return 0;
    });
}
