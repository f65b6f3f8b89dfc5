// reaper_status.

#include "api/rows.hpp"
#include "api/serve.hpp"
#include "core/length_of_time.hpp"
#include "pg/memory.hpp"
#include "pg/reaper/reaper_lock.hpp"
#include "pg/reaper/reaper_process.hpp"
#include "pg/reaper/role_limits.hpp"
#include "pg/settings.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "postmaster/bgworker.h"
}

using namespace sessionctl;

namespace {

void append_count(core::string& text, int count, const char* one, const char* many) {
    char part[80];
    if (count > 0)
        text.append((std::snprintf(part, sizeof part, count == 1 ? one : many, count), part));
}

core::string limits_in_force(const pg::ReaperStatus& status, const pg::RoleLimits& settings) {
    core::string list;
    for (int i = 0; i < core::limit_count; ++i) {
        const auto limit = static_cast<core::Limit>(i);
        const std::int32_t value = status.limits[i];
        if (value == 0 || limit == core::Limit::horizon_idle)
            continue;
        list.append(list.empty() ? "" : ", ");
        list.append(core::limit_name(limit));
        list.append(" = ");
        list.append(limit == core::Limit::horizon_age ? std::to_string(value).c_str()
                                                      : core::exact_time(value).c_str());
    }
    if (list.empty())
        list = "none";
    append_count(list, status.with_own_limits, "; %d session has limits of its own",
                 "; %d sessions have limits of their own");
    append_count(list, settings.count, "; 1 role or database sets limits",
                 "; %d roles or databases set limits");
    return list;
}

/// Limits are set for superusers, but are not enforced.
core::string advice_about_superusers(const pg::RoleLimits& settings) {
    constexpr std::size_t most = 3; // to be named
    core::string names;
    for (std::size_t i = 0; i < settings.superusers.size() && i < most; ++i)
        names.append(names.empty() ? "" : ", ").append(settings.superusers[i]);
    if (names.empty())
        return names;
    if (settings.superusers.size() > most)
        names.append(", ...");
    const bool is_one = settings.superusers.size() == 1;
    return core::string("pg_sessionctl.reap_superusers is off: limits that ALTER ROLE has set for ")
        .append(is_one ? "superuser " : "superusers ")
        .append(names)
        .append(" end no session.");
}

core::string advice(bool is_running, bool is_preloaded, const pg::RoleLimits& settings) {
    if (!IsUnderPostmaster)
        return "There is no reaper in single-user mode.";
    if (max_worker_processes == 0)
        return "max_worker_processes is 0, so no background worker can run: raise it, and restart the "
               "server.";
    if (!is_preloaded)
        return "pg_sessionctl is not in shared_preload_libraries: the reaper does not see limits that SET, "
               "ALTER ROLE or ALTER DATABASE set, runs until the next restart of the server, and keeps no "
               "statistics.";
    if (!is_running)
        return "Call sessionctl.start_reaper().";
    if (pg::reaper_action_setting() == pg::ReaperAction::log)
        return "pg_sessionctl.reaper_action is log: the reaper only reports the sessions that it would end.";
    return pg::reap_superusers_setting() ? core::string() : advice_about_superusers(settings);
}

using StatusRow = api::Row<12>;

void add_time(StatusRow& row, core::Timestamp time) {
    row.add_if(time != 0, [time] { return TimestampTzGetDatum(time); });
}

void put_status(int pid, core::Timestamp since, FunctionCallInfo fcinfo) {
    pg::SharedMemory* const shared = pg::shared_memory();
    const pg::RoleLimits settings = pg::role_limits();
    const core::string limits =
        shared != nullptr ? limits_in_force(shared->reaper, settings) : core::string();
    const core::string hint = advice(pid != 0, shared != nullptr, settings);
    const pg::ReaperStatus* const status = shared != nullptr && pid != 0 ? &shared->reaper : nullptr;
    pg::call([&] {
        api::Rows rows(fcinfo);
        StatusRow row;
        row.add(BoolGetDatum(pid != 0));
        row.add_if(pid != 0, [pid] { return Int32GetDatum(pid); });
        add_time(row, since);
        row.add(BoolGetDatum(shared != nullptr));
        row.add_text(status != nullptr ? limits.c_str() : nullptr);
        add_time(row, status != nullptr ? status->next_deadline.load() : 0);
        row.add_if(status != nullptr, [=] { return Int64GetDatum(status->wakeups); });
        row.add_if(status != nullptr, [=] { return Int32GetDatum(status->watched); });
        row.add_if(status != nullptr, [=] { return Int32GetDatum(status->exempt); });
        row.add_if(shared != nullptr, [=] { return Int64GetDatum(shared->reaper.reaped); });
        add_time(row, shared != nullptr ? shared->reaper.last_reaped.load() : 0);
        row.add_text(hint.empty() ? nullptr : hint.c_str());
        row.put_into(rows);
    });
}

} // namespace

SQL_FUNCTION(sessionctl_reaper_status)
{
    return api::serve([&]() -> Datum {
        const pg::ScratchMemory scratch;
        const int pid = pg::reaper_pid();
        const std::optional<core::Session> session = pid != 0 ? pg::reaper_session(pid) : std::nullopt;
        put_status(pid, session ? session->id.start : 0, fcinfo);
        return 0;
    });
}
