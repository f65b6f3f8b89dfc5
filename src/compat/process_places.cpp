#include "compat/process_places.hpp"

#include "compat/postgres.hpp"

namespace sessionctl::compat {

void list_process_pids(core::vector<int>& pids) {
    pids.reserve(ProcGlobal->allProcCount);
    for (uint32 place = 0; place < ProcGlobal->allProcCount; ++place) {
        const int pid = *const_cast<const volatile int*>(&ProcGlobal->allProcs[place].pid);
        if (pid != 0) // else empty, or a prepared transaction's
            pids.push_back(pid);
    }
}

} // namespace sessionctl::compat
