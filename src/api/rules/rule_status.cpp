// What the view session_rules shows of what the rules did.

#include "api/serve.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "utils/acl.h"
}

using namespace sessionctl;

namespace {

/// What is shown of one rule: copied under the rules' lock, and shown without it.
struct Shown {
    char name[sizeof pg::RuleRecord::name];
    char last_error[sizeof pg::RuleRecord::last_error];
    Oid owner;
    std::int64_t counters[6];
    core::Timestamp last_check;
    core::Timestamp last_acted;
    core::Timestamp check_time;

    void take(const pg::RuleRecord& record) noexcept {
        std::memcpy(name, record.name, sizeof name);
        std::memcpy(last_error, record.last_error, sizeof last_error);
        owner = record.owner;
        std::int64_t* counter = counters;
        for (const auto* const each : {&record.checks, &record.matched, &record.acted, &record.ended,
                                       &record.held_back, &record.errors})
            *counter++ = *each;
        last_check = record.last_check;
        last_acted = record.last_acted;
        check_time = record.check_time;
    }
};

int take_all(pg::SharedMemory& shared, Shown* all) noexcept {
    int count = 0;
    LWLockAcquire(shared.rules_lock, LW_SHARED);
    for (const pg::RuleRecord& record : shared.rules.records)
        if (record.is_present && shared.rules.database == MyDatabaseId)
            all[count++].take(record);
    LWLockRelease(shared.rules_lock);
    return count;
}

void put(const Shown& rule, api::Rows& rows) {
    api::Row<11> row;
    const auto add_time = [&row](core::Timestamp time) {
        row.add_if(time != 0, [time] { return TimestampTzGetDatum(time); });
    };
    const bool may_see = has_privs_of_role(GetUserId(), rule.owner);
    row.add_text(rule.name);
    for (const std::int64_t counter : rule.counters)
        row.add(Int64GetDatum(counter));
    add_time(rule.last_check);
    add_time(rule.last_acted);
    row.add_text(may_see && rule.last_error[0] != '\0' ? rule.last_error : nullptr);
    row.add(api::interval_of(rule.check_time));
    row.put_into(rows);
}

} // namespace

SQL_FUNCTION(sessionctl_session_rule_status)
{
    return api::serve([&]() -> Datum {
        pg::call([&] {
            api::Rows rows(fcinfo);
            pg::SharedMemory* const shared = pg::shared_memory();
            if (shared == nullptr)
                return;
            auto* const all = static_cast<Shown*>(palloc(core::most_rules * sizeof(Shown)));
            const int count = take_all(*shared, all);
            for (int i = 0; i < count; ++i)
                put(all[i], rows);
        });
        return 0;
    });
}
