// start_reaper and stop_reaper.

#include "api/serve.hpp"
#include "core/error.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/reaper/reaper_lock.hpp"
#include "pg/reaper/reaper_process.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/sessions/observation.hpp"
#include "pg/sessions/statement_time.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "postmaster/bgworker.h"
}

using namespace sessionctl;

namespace {

constexpr core::Timestamp process_timeout = 10 * core::microseconds_per_second;
constexpr core::Timestamp pause_length = 5 * core::microseconds_per_millisecond;

void require_superuser(const char* what) {
    if (!pg::call([] { return superuser(); }))
        throw core::Error(core::sqlstate::insufficient_privilege, "must be superuser to %s the reaper", what);
}

void notice(const char* message, const char* hint = nullptr) {
    pg::call([=] {
        ereport(NOTICE, (errmsg_internal("%s", message), hint != nullptr ? errhint("%s", hint) : 0));
    });
}

/// Waits until `is_true`, at most as long as a process needs to start or to end.
template <typename Condition>
bool wait_until(Condition&& is_true) {
    const core::Timestamp deadline = pg::monotonic_now() + process_timeout;
    while (!is_true()) {
        if (pg::monotonic_now() >= deadline)
            return false;
        pg::pause(pause_length);
    }
    return true;
}

/// The pid of a new worker; 0 if it has ended already, as it does if another one is running.
int launch() {
    BackgroundWorker worker = compat::describe_worker(pg::reaper_name, pg::reaper_function);
    worker.bgw_notify_pid = MyProcPid;
    BackgroundWorkerHandle* const handle = pg::call([&worker] {
        BackgroundWorkerHandle* registered = nullptr;
        return RegisterDynamicBackgroundWorker(&worker, &registered) ? registered : nullptr;
    });
    if (handle == nullptr)
        throw core::Error(core::sqlstate::configuration_limit_exceeded,
                          "could not register background process")
            .hint("You may need to increase max_worker_processes and restart the server.");
    return pg::call([handle] {
        pid_t pid = 0;
        return WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_STARTED ? static_cast<int>(pid) : 0;
    });
}

bool start() {
    if (pg::reaper_pid() != 0) {
        notice("the reaper is already running");
        return false;
    }
    const int pid = launch();
    const auto is_there = [] { return pg::reaper_pid() != 0; };
    if (pid == 0 ? !is_there() : !wait_until(is_there))
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state, "could not start the reaper")
            .hint("More details may be available in the server log.");
    if (pg::reaper_pid() != pid) {
        notice("the reaper is already running");
        return false;
    }
    if (pg::shared_memory() == nullptr)
        notice("this reaper runs until the next restart of the server, and does not see limits that ALTER "
               "ROLE or ALTER DATABASE set",
               "Add pg_sessionctl to shared_preload_libraries and restart the server.");
    else
        notice("this reaper runs until the next restart of the server, which then starts its own");
    return true;
}

bool stop() {
    pg::forbid_prepare("stop_reaper"); // no reaper starts while that lock is held
    if (!pg::acquire_stop_lock())
        throw core::Error(core::sqlstate::lock_not_available, "another session is stopping the reaper");
    const int pid = pg::reaper_pid();
    if (pid == 0) {
        notice("the reaper is not running");
        return false;
    }
    const std::optional<core::Session> session = pg::reaper_session(pid);
    if (!session)
        return true;
    core::Target target = {};
    target.session = *session;
    const pg::ClientMessage none = {};
    pg::LiveServer server(none);
    core::signal_one(target, core::Action::terminate, core::Recheck::identity, server);
    if (!wait_until([&target] { return !pg::look_at(target.session).present; }))
        throw core::Error(core::sqlstate::object_not_in_prerequisite_state, "could not stop the reaper")
            .hint("It was sent a signal and stops as soon as it handles it.");
    return true;
}

} // namespace

SQL_FUNCTION(sessionctl_start_reaper)
{
    return api::serve([]() -> Datum {
        require_superuser("start");
        const pg::ScratchMemory scratch;
        return BoolGetDatum(start());
    });
}

SQL_FUNCTION(sessionctl_stop_reaper)
{
    return api::serve([]() -> Datum {
        require_superuser("stop");
        const pg::ScratchMemory scratch;
        return BoolGetDatum(stop());
    });
}
