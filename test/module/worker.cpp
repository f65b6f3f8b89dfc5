// A background worker as an extension has one: connected to a database, for no client.
#include "module.hpp"

#include <csignal>

extern "C" {
#include "access/xact.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "tcop/tcopprot.h"
}

namespace sessionctl::test {

namespace {

constexpr char database[] = "shop";

// 11: flags.
[[maybe_unused]] void connect(void (*initialize)(const char*, const char*, uint32)) {
    initialize(database, nullptr, 0);
}

[[maybe_unused]] void connect(void (*initialize)(char*, char*)) {
    initialize(const_cast<char*>(database), nullptr);
}

} // namespace

} // namespace sessionctl::test

using namespace sessionctl;

/// It does not report its activity, and stays in a transaction or in none.
extern "C" PGDLLEXPORT void sessionctl_test_worker_main(Datum is_in_transaction) {
    pqsignal(SIGTERM, die);
    BackgroundWorkerUnblockSignals();
    test::connect(BackgroundWorkerInitializeConnection);
    if (DatumGetBool(is_in_transaction))
        StartTransactionCommand();
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        compat::wait_latch(1000);
    }
}

/// Its pid, when it is connected or about to be.
SQL_FUNCTION(sessionctl_test_start_worker)
{
    return pg::entry([fcinfo]() -> Datum {
        return pg::call([fcinfo]() -> Datum {
            BackgroundWorker worker = {};
            strlcpy(worker.bgw_name, "sessionctl_test worker", sizeof worker.bgw_name);
            worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
            worker.bgw_start_time = BgWorkerStart_ConsistentState;
            worker.bgw_restart_time = BGW_NEVER_RESTART;
            strlcpy(worker.bgw_library_name, "sessionctl_test", sizeof worker.bgw_library_name);
            strlcpy(worker.bgw_function_name, "sessionctl_test_worker_main", sizeof worker.bgw_function_name);
            worker.bgw_main_arg = PG_GETARG_DATUM(0);
            worker.bgw_notify_pid = MyProcPid;
            BackgroundWorkerHandle* handle = nullptr;
            pid_t pid = 0;
            if (!RegisterDynamicBackgroundWorker(&worker, &handle) ||
                WaitForBackgroundWorkerStartup(handle, &pid) != BGWH_STARTED)
                elog(ERROR, "the worker has not started");
            return Int32GetDatum(pid);
        });
    });
}
