#include "pg/sweep.hpp"

#include "pg/error.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

SweepOrder sweep_order(Datum argument) noexcept {
    const auto packed = static_cast<uint64>(argument);
    return {static_cast<TransactionId>(packed >> 32), static_cast<Oid>(packed)};
}

bool order_sweep(Oid role) {
    return call([role] {
        BackgroundWorker worker = compat::describe_worker(sweeper_name, sweeper_function);
        const auto packed = static_cast<uint64>(GetTopTransactionId()) << 32 | role;
        static_assert(sizeof(Datum) == sizeof packed);
        worker.bgw_main_arg = static_cast<Datum>(packed);
        worker.bgw_restart_time = BGW_NEVER_RESTART;
        worker.bgw_notify_pid = MyProcPid;
        BackgroundWorkerHandle* handle = nullptr;
        return RegisterDynamicBackgroundWorker(&worker, &handle);
    });
}

} // namespace sessionctl::pg
