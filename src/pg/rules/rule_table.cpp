#include "pg/rules/rule_table.hpp"

#include "core/error.hpp"
#include "pg/encoding.hpp"
#include "pg/extension.hpp"
#include "pg/sql.hpp"

extern "C" {
#include "access/heapam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_proc.h"
#include "utils/acl.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
}

namespace sessionctl::pg {

namespace {

constexpr char all_rules[] =
    "SELECT xmin::text || ' ' || ctid::text, name, condition, action, matching_for, streak, only_when, "
    "check_every, at_most, at_most_within,"
    " enabled, step, timeout, close_socket, force, reason, include_superusers, include_replication,"
    " include_background, refuse_above, keep, keep_which, per, cooldown, owner, owner_oid, timezone,"
    " datestyle, intervalstyle"
    " FROM sessionctl.session_rule WHERE $1 IS NULL OR name = $1 ORDER BY name";

/// The columns of one row from the left, with texts copied to another memory context. Raises PostgreSQL
/// errors.
class Columns {
  public:
    Columns(const SPITupleTable& rows, uint64 row, MemoryContext memory) noexcept
        : row_(rows.vals[row]), description_(rows.tupdesc), memory_(memory) {}

    const char* text_or_null() {
        bool is_null;
        const Datum datum = take(is_null);
        if (is_null)
            return nullptr;
        const MemoryContext outer = MemoryContextSwitchTo(memory_);
        const char* const copy = TextDatumGetCString(datum);
        MemoryContextSwitchTo(outer);
        return copy;
    }
    std::optional<std::int32_t> integer() {
        bool is_null;
        const Datum datum = take(is_null);
        return is_null ? std::nullopt : std::optional(DatumGetInt32(datum));
    }
    bool boolean() { return DatumGetBool(required()); }
    Oid oid() { return DatumGetObjectId(required()); }
    core::Interval interval() {
        const Interval& interval = *DatumGetIntervalP(required());
        return {interval.time, interval.day, interval.month, compat::is_infinite(interval)};
    }

  private:
    Datum take(bool& is_null) { return SPI_getbinval(row_, description_, ++number_, &is_null); }
    Datum required() {
        bool is_null;
        const Datum datum = take(is_null);
        if (is_null)
            elog(ERROR, "column %d of a session rule is null", number_);
        return datum;
    }

    const HeapTuple row_;
    const TupleDesc description_;
    const MemoryContext memory_;
    int number_ = 0;
};

RuleRow row_of(Columns columns) {
    RuleRow row = {};
    row.version = columns.text_or_null();
    row.name = columns.text_or_null();
    row.condition = columns.text_or_null();
    row.action = columns.text_or_null();
    row.matching_for = columns.interval();
    row.streak = columns.text_or_null();
    row.only_when = columns.text_or_null();
    row.check_every = columns.interval();
    row.at_most = columns.integer();
    row.at_most_within = columns.interval();
    row.is_enabled = columns.boolean();
    row.step = columns.interval();
    row.timeout = columns.interval();
    row.closes_sockets = columns.boolean();
    row.forces = columns.boolean();
    row.reason = columns.text_or_null();
    row.include.superusers = columns.boolean();
    row.include.replication = columns.boolean();
    row.include.background = columns.boolean();
    row.refuse_above = columns.integer();
    row.keep = columns.integer().value_or(0);
    row.keep_which = columns.text_or_null();
    row.per = columns.text_or_null();
    row.cooldown = columns.interval();
    row.owner = columns.text_or_null();
    row.owner_oid = columns.oid();
    row.time_zone = columns.text_or_null();
    row.date_style = columns.text_or_null();
    row.interval_style = columns.text_or_null();
    return row;
}

core::RuleTextLengths text_lengths_of(const RuleRow& row) noexcept {
    const auto length = [](const char* text) { return text != nullptr ? std::strlen(text) : 0; };
    return {length(row.condition), length(row.only_when), length(row.reason), length(row.per)};
}

/// Inside pg::call. False where the function is gone.
bool may_make_rules(Oid role) {
    const Oid schema = get_namespace_oid("sessionctl", true);
    CatCList* const functions = SearchSysCacheList1(PROCNAMEARGSNSP, CStringGetDatum("create_session_rule"));
    bool may = false;
    for (int i = 0; i < functions->n_members; ++i) {
        const HeapTuple function = &functions->members[i]->tuple;
        const auto& facts = *reinterpret_cast<Form_pg_proc>(GETSTRUCT(function));
        if (facts.pronamespace == schema)
            may |= compat::may_execute(role, function);
    }
    ReleaseSysCacheList(functions);
    return may;
}

} // namespace

RuleRow copy_of(const RuleRow& row, MemoryContext memory) {
    constexpr const char* RuleRow::*texts[] = {
        &RuleRow::version,       &RuleRow::name,      &RuleRow::condition, &RuleRow::action,
        &RuleRow::streak,        &RuleRow::only_when, &RuleRow::reason,    &RuleRow::keep_which,
        &RuleRow::per,           &RuleRow::owner,     &RuleRow::time_zone, &RuleRow::date_style,
        &RuleRow::interval_style};
    return call([&] {
        RuleRow copy = row;
        for (const auto text : texts)
            if (copy.*text != nullptr)
                copy.*text = MemoryContextStrdup(memory, copy.*text);
        return copy;
    });
}

core::vector<RuleRow> read_rules(const char* name) {
    const MemoryContext memory = CurrentMemoryContext;
    const Datum value = name != nullptr ? call([name] { return CStringGetTextDatum(name); }) : Datum(0);
    struct Read {
        RuleRow* first;
        int count;
        int capacity;
    } read = {nullptr, 0, 0};
    const ActAs role(As::superuser);
    call([] { PushActiveSnapshot(GetTransactionSnapshot()); }); // a background worker has none
    query_rows(all_rules, {{TEXTOID, value, name == nullptr}},
               [&read, memory](const SPITupleTable& rows, uint64 row) {
                   if (read.count == read.capacity) {
                       read.capacity = std::max(2 * read.capacity, 16);
                       const std::size_t size = read.capacity * sizeof(RuleRow);
                       read.first =
                           static_cast<RuleRow*>(read.first == nullptr ? MemoryContextAlloc(memory, size)
                                                                       : repalloc(read.first, size));
                   }
                   read.first[read.count++] = row_of(Columns(rows, row, memory));
               });
    call([] { PopActiveSnapshot(); });
    return core::vector<RuleRow>(read.first, read.first + read.count);
}

core::SessionRule rule_of(const RuleRow& row) {
    core::check_rule_texts(text_lengths_of(row));
    core::SessionRule rule;
    rule.name = core::checked_rule_name(row.name, own_characters().controls);
    rule.is_enabled = row.is_enabled;
    rule.action = core::checked_rule_action(row.action);
    rule.matching_for = core::checked_matching_for(row.matching_for);
    rule.streak = core::checked_streak(row.streak);
    rule.check_every = core::checked_check_every(row.check_every);
    if (row.at_most)
        rule.at_most = core::checked_at_most(*row.at_most);
    rule.at_most_within = core::checked_at_most_within(row.at_most_within);
    rule.step = core::checked_step(row.step) * core::microseconds_per_millisecond;
    rule.timeout = core::checked_rule_timeout(row.timeout);
    rule.closes_sockets = row.closes_sockets;
    rule.forces = row.forces;
    rule.guards.include = row.include;
    if (row.refuse_above && core::checked_refuse_above(*row.refuse_above) > 0)
        rule.guards.refuse_above = *row.refuse_above;
    rule.guards.keep = core::checked_keep(row.keep);
    rule.guards.keep_which = core::checked_keep_which(row.keep_which);
    rule.cooldown = core::checked_cooldown(row.cooldown);
    core::check_rule(rule);
    return rule;
}

RuleText text_of(const RuleRow& row) {
    return {
        row.owner_oid, row.condition,  row.only_when,     row.per != nullptr ? columns_named(row.per) : NIL,
        row.time_zone, row.date_style, row.interval_style};
}

core::string owner_problem(const RuleRow& row) {
    struct Owner {
        const char* name;
        bool may_make_rules;
        bool is_superuser;
    };
    const Owner owner = call([&row]() -> Owner {
        return {compat::role_name_or_null(row.owner_oid), may_make_rules(row.owner_oid),
                superuser_arg(row.owner_oid)};
    });
    const ShownName shown(row.owner);
    char problem[512] = "";
    const auto say = [&problem, &shown](const char* format) {
        std::snprintf(problem, sizeof problem, format, shown.text());
    };
    if (owner.name == nullptr)
        say("its owner \"%s\" does not exist any more");
    else if (std::strcmp(owner.name, row.owner) != 0)
        say("its owner was renamed, or is another role than \"%s\" of now");
    else if (!owner.may_make_rules)
        say("its owner \"%s\" has no right to execute sessionctl.create_session_rule");
    else if (row.closes_sockets && !owner.is_superuser)
        say("its owner \"%s\" is no superuser, as close_socket needs");
    return problem;
}

Oid lock_rule_table() {
    return call([] {
        const Oid schema = get_namespace_oid("sessionctl", true);
        const Oid table = OidIsValid(schema) ? get_relname_relid("session_rule", schema) : InvalidOid;
        const Relation relation = OidIsValid(table) ? try_relation_open(table, AccessShareLock) : nullptr;
        if (relation == nullptr)
            return InvalidOid;
        const bool is_ours = is_of_extension(RelationRelationId, table);
        relation_close(relation, NoLock);
        return is_ours ? table : InvalidOid;
    });
}

} // namespace sessionctl::pg
