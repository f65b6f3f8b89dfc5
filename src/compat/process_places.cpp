#include "compat/process_places.hpp"

#include <cstdlib>

namespace sessionctl::compat {

int pid_of_process(const PGPROC& place) noexcept {
    return *const_cast<const volatile int*>(&place.procLatch.owner_pid);
}

Oid role_of_process(const PGPROC& place) noexcept {
    return *const_cast<const volatile Oid*>(&place.roleId);
}

void list_processes(core::vector<ProcessInPlace>& processes) {
    processes.reserve(ProcGlobal->allProcCount);
    for (uint32 place = 0; place < ProcGlobal->allProcCount; ++place) {
        const PGPROC& process = ProcGlobal->allProcs[place];
        if (const int pid = pid_of_process(process))
            processes.push_back({pid, role_of_process(process)});
    }
}

/// Those who look for many do so in the order of the session table, in which neighbours have neighbouring
/// places: from the last one that was found outwards.
PGPROC* process_with_pid(int pid) noexcept {
    static uint32 last = 0;
    const uint32 count = ProcGlobal->allProcCount;
    for (uint32 distance = 0; pid != 0 && distance <= count / 2; ++distance)
        for (const uint32 place : {(last + distance) % count, (last + count - distance) % count})
            if (pid_of_process(ProcGlobal->allProcs[place]) == pid) {
                last = place;
                return &ProcGlobal->allProcs[place];
            }
    return nullptr;
}

// 17: a session's slot is the number of its place.
#if PG_VERSION_NUM >= 170000
PGPROC* process_of_session(int slot, int pid) noexcept {
    const bool has_place = slot >= 0 && static_cast<uint32>(slot) < ProcGlobal->allProcCount && pid != 0;
    PGPROC* const proc = has_place ? &ProcGlobal->allProcs[slot] : nullptr;
    return proc != nullptr && pid_of_process(*proc) == pid ? proc : nullptr;
}
#else
PGPROC* process_of_session(int slot, int pid) noexcept {
    static auto* const last_places = static_cast<uint32*>(std::calloc(MaxBackends, sizeof(uint32)));
    if (last_places == nullptr || slot < 0 || slot >= MaxBackends)
        return process_with_pid(pid);
    PGPROC* const last = &ProcGlobal->allProcs[last_places[slot]];
    if (pid != 0 && pid_of_process(*last) == pid)
        return last;
    PGPROC* const found = process_with_pid(pid);
    if (found != nullptr)
        last_places[slot] = static_cast<uint32>(found - ProcGlobal->allProcs);
    return found;
}
#endif

} // namespace sessionctl::compat
