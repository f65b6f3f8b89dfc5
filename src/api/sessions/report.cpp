#include "api/sessions/report.hpp"

#include "pg/error.hpp"

namespace sessionctl::api {

Datum put_report(const Result& result, FunctionCallInfo fcinfo) {
    pg::call([&] {
        Rows rows(fcinfo);
        for (const core::Target& target : result.plan) {
            Row<report_columns> row;
            add_report_columns(target, result.roster.at(target.session.id.pid), row);
            row.put_into(rows);
        }
    });
    return 0;
}

} // namespace sessionctl::api
