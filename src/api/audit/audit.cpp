// The audit and the counters: sessions that were acted on, and how often.

#include "api/rows.hpp"
#include "api/serve.hpp"
#include "api/values.hpp"
#include "pg/audit/audit_mark.hpp"
#include "pg/audit/audit_ring.hpp"
#include "pg/memory.hpp"
#include "pg/shared_memory.hpp"

using namespace sessionctl;

namespace {

using AuditRow = api::Row<29>;

/// The role may have been dropped, and another role have got its OID or its name.
bool may_see(const pg::Evidence& evidence, const char* role) {
    if (compat::may_see(GetUserId(), InvalidOid)) // any role
        return true;
    const char* const name = compat::role_name_or_null(evidence.role);
    return name != nullptr && role != nullptr && std::strcmp(name, role) == 0 &&
           compat::may_see(GetUserId(), evidence.role);
}

void add_evidence(const pg::Evidence& evidence, bool is_visible, AuditRow& row) {
    row.add_text(is_visible ? core::state_name(evidence.state) : nullptr);
    row.add_text(is_visible ? evidence.wait_event_type.get() : nullptr);
    row.add_text(is_visible ? evidence.wait_event.get() : nullptr);
    for (const core::Timestamp age :
         {evidence.session_age, evidence.xact_age, evidence.query_age, evidence.state_age})
        row.add_if(is_visible && age != pg::Evidence::no_age, [age] { return api::interval_of(age); });
    row.add_if(is_visible, [&evidence] { return Int32GetDatum(evidence.waiting); });
    row.add_if(is_visible && evidence.query_id != 0,
               [&evidence] { return Int64GetDatum(evidence.query_id); });
    row.add_text(is_visible ? pg::shown_or_null(evidence.query.get(), evidence.encoding) : nullptr);
}

void put_record(const pg::AuditRecord& record, api::Rows& rows) {
    AuditRow row;
    const auto add = [&row](const auto& field) { row.add_text(field.get()); };
    const auto add_written = [&row, &record](const auto& field) {
        row.add_text(pg::shown_or_null(field.get(), record.encoding));
    };
    row.add(TimestampTzGetDatum(record.at));
    add(record.action);
    add(record.result);
    add(record.session_id);
    row.add_if(record.pid != 0, [&record] { return Int32GetDatum(record.pid); });
    add(record.role);
    add(record.database);
    add(record.application);
    add(record.client);
    add_evidence(record.evidence, record.evidence.is_present && may_see(record.evidence, record.role.get()),
                 row);
    add(record.by_session_user);
    add(record.by_current_user);
    add(record.by_session_id);
    add(record.rule);
    add_written(record.condition);
    add_written(record.args);
    add(record.cooldown);
    add_written(record.details);
    add_written(record.reason);
    add(record.mark);
    row.put_into(rows);
}

void put_counter(const char* action, const char* rule, const pg::Counter& counter, core::Timestamp reset,
                 api::Rows& rows) {
    api::Row<10> row;
    const core::Timestamp last = counter.last;
    row.add_text(action);
    row.add_text(rule);
    row.add(Int64GetDatum(counter.acted_on));
    row.add(Int64GetDatum(counter.ended));
    row.add_if(last != 0, [last] { return TimestampTzGetDatum(last); });
    row.add(TimestampTzGetDatum(reset));
    for (int i = 0; i < 4; ++i) // of session rules alone
        row.add_null();
    row.put_into(rows);
}

/// Of the rules that are in the table.
void put_session_rules(const pg::SharedMemory& shared, api::Rows& rows) {
    LWLockAcquire(shared.rules_lock, LW_SHARED);
    for (const pg::RuleRecord& record : shared.rules.records) {
        if (!record.is_present)
            continue;
        api::Row<10> row;
        const core::Timestamp last = record.last_acted;
        row.add_text(core::rule_action_name(record.action));
        row.add_text(pg::shown_or_null(record.name, shared.rules.encoding));
        row.add(Int64GetDatum(record.acted));
        row.add(Int64GetDatum(record.ended));
        row.add_if(last != 0, [last] { return TimestampTzGetDatum(last); });
        row.add(TimestampTzGetDatum(shared.counters_reset));
        row.add(Int64GetDatum(record.matched));
        row.add(Int64GetDatum(record.held_back));
        row.add(Int64GetDatum(record.errors));
        row.add(api::interval_of(record.check_time));
        row.put_into(rows);
    }
    LWLockRelease(shared.rules_lock);
}

void put_counters(pg::SharedMemory& shared, api::Rows& rows) {
    const core::Timestamp reset = shared.counters_reset;
    put_counter("cancel", nullptr, shared.counter(pg::CountedAction::cancel), reset, rows);
    put_counter("terminate", nullptr, shared.counter(pg::CountedAction::terminate), reset, rows);
    put_counter("close_socket", nullptr, shared.counter(pg::CountedAction::close_socket), reset, rows);
    put_counter("drain", nullptr, shared.counter(pg::CountedAction::drain), reset, rows);
    put_counter("cancel", core::rule_name(core::Rule::statement),
                shared.counter(pg::CountedAction::reap_statement), reset, rows);
    static constexpr char patience[] = "blocker_patience";
    put_counter("cancel", patience, shared.counter(pg::CountedAction::blocker_cancel), reset, rows);
    put_counter("terminate", patience, shared.counter(pg::CountedAction::blocker_terminate), reset, rows);
    put_counter("log", patience, shared.counter(pg::CountedAction::blocker_log), reset, rows);
    static constexpr char yield[] = "yield_after";
    put_counter("cancel", yield, shared.counter(pg::CountedAction::yield_cancel), reset, rows);
    put_counter("log", yield, shared.counter(pg::CountedAction::yield_log), reset, rows);
    for (int i = 0; i < core::rule_count; ++i) {
        const auto rule = static_cast<core::Rule>(i);
        const char* const action = rule == core::Rule::lifetime ? "drain" : "terminate";
        put_counter(action, core::rule_name(rule), shared.counter(pg::CountedAction::reap, rule), reset,
                    rows);
        put_counter("log", core::rule_name(rule), shared.counter(pg::CountedAction::log, rule), reset, rows);
    }
}

} // namespace

SQL_FUNCTION(sessionctl_audit)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const core::vector<pg::AuditRecord> records = pg::AuditRing::read();
        pg::call([&] {
            api::Rows rows(fcinfo);
            for (const pg::AuditRecord& record : records)
                put_record(record, rows);
        });
        return 0;
    });
}

SQL_FUNCTION(sessionctl_audit_mark)
{
    return api::serve([]() -> Datum {
        const char* const mark = pg::audit_mark();
        return pg::call([mark] { return CStringGetTextDatum(mark); });
    });
}

SQL_FUNCTION(sessionctl_stats)
{
    return api::serve([&]() -> Datum {
        pg::SharedMemory& shared = pg::require_shared_memory("session_stats");
        pg::call([&] {
            api::Rows rows(fcinfo);
            put_counters(shared, rows);
            put_session_rules(shared, rows);
        });
        return 0;
    });
}

SQL_FUNCTION(sessionctl_reset_session_stats)
{
    return api::serve([]() -> Datum {
        pg::SharedMemory& shared = pg::require_shared_memory("session_stats");
        for (pg::Counter& counter : shared.counters)
            counter.reset();
        for (pg::RuleRecord& record : shared.rules.records)
            record.reset_counters();
        shared.counters_reset = GetCurrentTimestamp();
        return 0;
    });
}
