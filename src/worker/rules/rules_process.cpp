// The process that carries out the session rules, connected to their database. The reaper starts it.

#include "pg/rules/rules_process.hpp"
#include "pg/encoding.hpp"
#include "pg/error.hpp"
#include "pg/memory.hpp"
#include "pg/monotonic.hpp"
#include "pg/reloads.hpp"
#include "pg/settings.hpp"
#include "worker/rules/rule_checks.hpp"
#include "worker/rules/rule_records.hpp"
#include "worker/rules/rules_worker.hpp"

#include <utility>

extern "C" {
#include "postmaster/bgworker.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "tcop/tcopprot.h"
PGDLLEXPORT void sessionctl_rules_main(Datum);
}

namespace sessionctl::worker {

namespace {

extern "C" void sessionctl_rules_reload(SIGNAL_ARGS) {
    const int saved = errno;
    rules_configuration_changed = 1;
    if (MyProc != nullptr)
        SetLatch(&MyProc->procLatch);
    errno = saved;
}

core::Timestamp started_at = 0;
bool has_left_by_itself = false;
RulesWorker* present = nullptr;

/// The log must have what was done, however the worker ends.
void finish() noexcept {
    if (RulesWorker* const worker = std::exchange(present, nullptr))
        worker->finish();
}

struct Presence {
    Presence() noexcept { present = &worker; }
    ~Presence() { finish(); }

    RulesWorker worker;
};

extern "C" void sessionctl_rules_exit(int, Datum) {
    pg::SharedRules& rules = shared_rules();
    finish();
    bool was_present = false;
    change_records([&] { was_present = rules.leave(MyProcPid); });
    if (was_present) {
        pg::LastingRequests(pg::LastingRequester::rules).withdraw_all();
        rules.lasted = has_left_by_itself ? INT64_MAX : pg::monotonic_now() - started_at;
    }
    rules.wake(); // the reaper
}

/// False if another worker runs.
bool claim() {
    std::int32_t nobody = 0;
    if (pg::shared_memory() == nullptr || !shared_rules().pid.compare_exchange_strong(nobody, MyProcPid))
        return false;
    started_at = pg::monotonic_now();
    pg::call([] { before_shmem_exit(sessionctl_rules_exit, 0); });
    shared_rules().latch = &MyProc->procLatch;
    return true;
}

int run_rules() {
    prepare_checks();
    pg::LastingRequests(pg::LastingRequester::rules).withdraw_all(); // of one that was left behind
    change_records([] { shared_rules().belong_to(MyDatabaseId, pg::own_encoding()); });
    const pg::MemoryScope lasting(TopMemoryContext);
    Presence presence;
    presence.worker.run();
    has_left_by_itself = true;
    return 0;
}

} // namespace

} // namespace sessionctl::worker

void sessionctl_rules_main(Datum) {
    using namespace sessionctl;
    pqsignal(SIGTERM, die);
    pqsignal(SIGHUP, worker::sessionctl_rules_reload);
    pqsignal(SIGINT, StatementCancelHandler);
    BackgroundWorkerUnblockSignals();
    if (pg::has_missed_reload())
        worker::rules_configuration_changed = 1;
    if (!pg::entry([] { return worker::claim(); }))
        proc_exit(0);
    compat::connect_worker_to(pg::rules_database_setting(), pg::rules_name);
    proc_exit(pg::entry([] { return worker::run_rules(); }));
}
