// What the view session_rules shows of what the rules did.

#include "api/serve.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "utils/acl.h"
}

using namespace sessionctl;

namespace {

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
