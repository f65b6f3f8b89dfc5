// create_session_rule, alter_session_rule, drop_session_rule, test_session_rule; the triggers of the table of
// rules; and what the view session_rules shows of what they did.

#include "api/keep_out/lockdown_server.hpp"
#include "api/serve.hpp"
#include "api/sessions/report.hpp"
#include "core/error.hpp"
#include "core/rules/rule_check.hpp"
#include "pg/condition/scope.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/rules/rule_changes.hpp"
#include "pg/rules/rule_table.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/xact.h"
#include "commands/dbcommands.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "utils/acl.h"
}

using namespace sessionctl;
using api::Arguments;

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

// --- rights

void require_own_rights(const char* what) {
    if (pg::is_under_other_user())
        throw core::Error(core::sqlstate::insufficient_privilege,
                          "cannot %s a session rule inside a SECURITY DEFINER function", what)
            .hint("A rule acts with its owner's rights from then on: its owner has to call the function.");
}

pg::RuleRow rule_named(const char* name) {
    const core::vector<pg::RuleRow> rows = pg::read_rules(name);
    if (rows.empty())
        throw core::Error(core::sqlstate::undefined_object, "session rule \"%s\" does not exist",
                          pg::ShownName(name).text());
    return rows.front();
}

/// Its owner is the role that has its OID and its name.
void require_owner(const pg::RuleRow& row) {
    const bool may = pg::call([&row] {
        const char* const name = compat::role_name_or_null(row.owner_oid);
        return superuser() || (name != nullptr && std::strcmp(name, row.owner) == 0 &&
                               has_privs_of_role(GetUserId(), row.owner_oid));
    });
    if (!may)
        throw core::Error(core::sqlstate::insufficient_privilege, "must be owner of session rule \"%s\"",
                          pg::ShownName(row.name).text());
}

void require_rights_for(const pg::RuleRow& row) {
    if (row.closes_sockets && !pg::call([&row] { return superuser_arg(row.owner_oid); }))
        throw core::Error(core::sqlstate::insufficient_privilege,
                          "permission denied to close the connections of clients")
            .detail("Only superusers may use close_socket.");
}

// --- writing

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

void create(const char* name, FunctionCallInfo fcinfo) {
    require_given(fcinfo);
    if (!pg::read_rules(name).empty())
        throw core::Error(core::sqlstate::duplicate_object, "session rule \"%s\" already exists",
                          pg::ShownName(name).text());
    if (pg::read_rules().size() >= core::most_rules)
        throw core::Error(core::sqlstate::program_limit_exceeded, "there can be at most %d session rules",
                          core::most_rules)
            .hint("Drop those that are not needed, or let one condition stand for several.");
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
    pg::run_sql(into.append(values).c_str(), parameters, pg::As::superuser, conflict);
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

/// A superuser takes over a rule whose owner is not there any more.
void alter(const pg::RuleRow& row, const core::vector<const char*>& reset, FunctionCallInfo fcinfo) {
    check_reset(reset, fcinfo);
    const char* const owner = pg::call([&row] { return compat::role_name_or_null(row.owner_oid); });
    const bool is_orphaned = owner == nullptr || std::strcmp(owner, row.owner) != 0;
    core::vector<pg::Parameter> parameters = parameters_of(row.name, fcinfo);
    core::string update("UPDATE sessionctl.session_rule SET ");
    char set[160];
    for (int i = 0; i < column_count; ++i) {
        const Column& column = columns[i];
        const bool is_reset = std::any_of(reset.begin(), reset.end(), [&column](const char* each) {
            return std::strcmp(each, column.name) == 0;
        });
        if (is_reset)
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

// --- test

constexpr char until_streak[] = "once it has matched for matching_for";
constexpr char by_refuse_above[] = "held back: more sessions match than refuse_above allows";
constexpr char by_at_most[] = "held back: at_most";
constexpr char by_rule_state[] = "not acted on: the rule is not enabled";

class NoneInFlight final : public core::ActionsInFlight {
  public:
    bool has(const core::Session&) const noexcept override { return false; }
};

/// When it acted; it did not if the worker has never read it.
core::ActionTimes action_times_of(const char* name) {
    pg::SharedMemory& shared = pg::require_shared_memory("a session rule");
    core::ActionTimes times;
    times.begin(INT64_MIN);
    pg::call([&] {
        LWLockAcquire(shared.rules_lock, LW_SHARED);
        for (const pg::RuleRecord& record : shared.rules.records)
            if (shared.rules.database == MyDatabaseId && std::strcmp(record.name, name) == 0)
                times = record.action_times;
        LWLockRelease(shared.rules_lock);
    });
    return times;
}

/// As if every session had matched for long enough.
core::Plan test(const pg::RuleRow& row, pg::RuleTick& tick) {
    core::SessionRule rule = pg::rule_of(row);
    if (!rule.guards.refuse_above && pg::refuse_above_setting() > 0)
        rule.guards.refuse_above = pg::refuse_above_setting();
    const pg::Roster& roster = tick.roster_for(row.owner_oid);
    core::Plan plan;
    for (const pg::Match& match :
         pg::RuleCondition(pg::text_of(row)).evaluate(tick, 0)) { // the caller's own timeout and cancels hold
        core::Target target = {};
        target.session = roster.at(match.pid).facts;
        target.group = match.group;
        plan.push_back(target);
    }
    const core::Timestamp matching_for = std::exchange(rule.matching_for, 0);
    core::MatchStreaks streaks;
    const core::RuleCheck check = core::check_rule(rule, 0, plan, streaks, action_times_of(row.name),
                                                   NoneInFlight(), pg::monotonic_now());
    for (core::Target& target : plan) {
        if (target.outcome != core::Outcome::chosen)
            continue;
        const bool is_claimed =
            std::any_of(check.claims.begin(), check.claims.end(), [&target](const core::Claim& claim) {
                return claim.session.id == target.session.id;
            });
        if (!is_claimed)
            target.outcome = core::Outcome::spared;
        if (!is_claimed)
            target.reason = check.is_refused ? by_refuse_above : by_at_most;
        else if (!row.is_enabled)
            target.reason = by_rule_state;
        else if (matching_for > 0)
            target.reason = until_streak;
    }
    return plan;
}

// --- status

void put_record(const pg::RuleRecord& record, api::Rows& rows) {
    api::Row<11> row;
    const auto add_time = [&row](core::Timestamp time) {
        row.add_if(time != 0, [time] { return TimestampTzGetDatum(time); });
    };
    const bool may_see = has_privs_of_role(GetUserId(), record.owner);
    row.add_text(record.name);
    for (const auto* const counter :
         {&record.checks, &record.matched, &record.acted, &record.ended, &record.held_back, &record.errors})
        row.add(Int64GetDatum(counter->load()));
    add_time(record.last_check);
    add_time(record.last_acted);
    row.add_text(may_see && record.last_error[0] != '\0' ? record.last_error : nullptr);
    row.add(api::interval_of(record.check_time));
    row.put_into(rows);
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

SQL_FUNCTION(sessionctl_test_session_rule)
{
    return api::serve([&]() -> Datum {
        require_own_rights("test");
        const pg::ScratchMemory scratch;
        const pg::RuleRow row = rule_named(Arguments(fcinfo).text("name"));
        require_owner(row);
        const core::string problem = pg::owner_problem(row);
        if (!problem.empty())
            throw core::Error(core::sqlstate::object_not_in_prerequisite_state,
                              "session rule \"%s\" is not checked: %s", pg::ShownName(row.name).text(),
                              problem.c_str());
        pg::RuleTick tick;
        const api::Result result = {tick.roster_for(row.owner_oid), test(row, tick)};
        return api::put_report(result, fcinfo);
    });
}

SQL_FUNCTION(sessionctl_session_rule_status)
{
    return api::serve([&]() -> Datum {
        pg::call([&] {
            api::Rows rows(fcinfo);
            pg::SharedMemory* const shared = pg::shared_memory();
            if (shared == nullptr)
                return;
            LWLockAcquire(shared->rules_lock, LW_SHARED);
            for (const pg::RuleRecord& record : shared->rules.records)
                if (record.is_present && shared->rules.database == MyDatabaseId)
                    put_record(record, rows);
            LWLockRelease(shared->rules_lock);
        });
        return 0;
    });
}

/// Before each row that comes, by COPY, too.
SQL_FUNCTION(sessionctl_session_rule_owner)
{
    return pg::entry([&]() -> Datum {
        return pg::call([&]() -> Datum {
            if (!CALLED_AS_TRIGGER(fcinfo))
                elog(ERROR, "not called as a trigger");
            const auto* const trigger = reinterpret_cast<TriggerData*>(fcinfo->context);
            const TupleDesc description = RelationGetDescr(trigger->tg_relation);
            constexpr int most_columns = 64;
            Datum values[most_columns] = {};
            bool nulls[most_columns] = {};
            bool replaced[most_columns] = {};
            const int owner_oid = SPI_fnumber(description, "owner_oid") - 1;
            if (description->natts > most_columns || owner_oid < 0)
                elog(ERROR, "not the table of session rules");
            const char* const owner =
                SPI_getvalue(trigger->tg_trigtuple, description, SPI_fnumber(description, "owner"));
            values[owner_oid] = ObjectIdGetDatum(owner != nullptr ? get_role_oid(owner, true) : InvalidOid);
            replaced[owner_oid] = true;
            return PointerGetDatum(
                heap_modify_tuple(trigger->tg_trigtuple, description, values, nulls, replaced));
        });
    });
}

SQL_FUNCTION(sessionctl_session_rule_changed)
{
    return pg::entry([]() -> Datum {
        if (pg::shared_memory() != nullptr)
            pg::wake_rules_at_commit();
        return 0;
    });
}
