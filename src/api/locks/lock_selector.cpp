#include "api/locks/lock_selector.hpp"

#include "api/sessions/options.hpp"
#include "api/values.hpp"
#include "pg/memory.hpp"

extern "C" {
#include "catalog/pg_type.h"
}

namespace sessionctl::api {

void LockSelector::find(const pg::Roster& roster) {
    const core::vector<int> pids = find_pids(roster);
    pids_ = pg::call([&pids] { return integers_of(pids); });
}

bool LockSelector::still_selects(const core::Session& session, const pg::Roster& roster) {
    const pg::ScratchMemory scratch;
    const core::vector<int> pids = pids_now(roster);
    return std::find(pids.begin(), pids.end(), session.id.pid) != pids.end();
}

Datum LockSelector::run(Arguments& arguments, core::Action action, core::Recheck recheck) {
    Oid type = INT4ARRAYOID;
    char is_null = ' ';
    Request request;
    request.action = action;
    request.recheck = recheck;
    request.condition = {"pid = any ($1)", 1, &type, &pids_, &is_null, nullptr};
    request.selector = this;
    read_wait(arguments, request);
    read_guards(arguments, request);
    return Int64GetDatum(core::counted(api::run(request).plan, request.action));
}

void report_prepared(const core::vector<const pg::Prepared*>& found, const char* what) {
    char number[24];
    std::snprintf(number, sizeof number, "%zu", found.size());
    pg::report_prepared(
        found, core::string(number)
                   .append(found.size() == 1 ? " prepared transaction keeps" : " prepared transactions keep")
                   .append(what));
}

} // namespace sessionctl::api
