// For the view session_progress.

#include "pg/sessions/progress.hpp"
#include "api/rows.hpp"
#include "api/serve.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/sessions/roster.hpp"

using namespace sessionctl;

namespace {

using ProgressRow = api::Row<12>;

void add_numbers(const pg::ProgressNumbers& numbers, ProgressRow& row) {
    row.add_text(core::call_name(static_cast<core::Call>(numbers.call)));
    for (const std::int64_t number : {numbers.chosen, numbers.signalled, numbers.done, numbers.left})
        row.add(Int64GetDatum(number));
    row.add(TimestampTzGetDatum(numbers.since));
    row.add_if(numbers.until != 0, [&numbers] { return TimestampTzGetDatum(numbers.until); });
}

/// A role that may not see what a session does may not see its call either.
void put_call(const pg::RosterEntry& entry, const pg::ProgressNumbers& numbers, api::Rows& rows) {
    constexpr int columns_of_numbers = 7;
    const bool is_visible = entry.role_facts.is_visible;
    ProgressRow row;
    row.add_text(is_visible ? core::SessionId(entry.facts.id).text : nullptr);
    row.add(Int32GetDatum(entry.facts.id.pid));
    row.add_text(entry.database_name);
    row.add_text(entry.role_facts.name);
    row.add_text(entry.application_name);
    if (is_visible)
        add_numbers(numbers, row);
    for (int i = 0; !is_visible && i < columns_of_numbers; ++i)
        row.add_null();
    row.put_into(rows);
}

} // namespace

SQL_FUNCTION(sessionctl_session_progress)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const pg::Roster roster = pg::Roster::take();
        // Its memory is kept beyond the scratch memory.
        api::Rows rows = pg::call([&] { return api::Rows(fcinfo); });
        for (const pg::RosterEntry& entry : roster.entries) {
            pg::ProgressNumbers numbers;
            if (pg::progress_of(entry.facts, numbers))
                pg::call([&] { put_call(entry, numbers, rows); });
        }
        return 0;
    });
}
