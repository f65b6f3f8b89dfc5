#include "pg/logins/gate_sweep.hpp"

#include "pg/logins/pending_logins.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::pg {

namespace {

std::int32_t pid_of(const std::atomic<std::int32_t>& pass) noexcept {
    return std::abs(pass.load(std::memory_order_seq_cst));
}

} // namespace

int GateSweep::look() {
    SharedMemory& shared = *shared_memory();
    int open = 0;
    // A session that enters the session table after this is taken for a pending login, and ended as one.
    const core::vector<std::int32_t> listed = listed_pids();
    for (int i = 0; i < shared.slot_count; ++i) {
        const std::atomic<std::int32_t>& pass = shared.slots[i].pass.pid;
        const std::int32_t pid = pid_of(pass);
        if (pid == 0 || pid == MyProcPid)
            continue;
        const ArrayMember member = array_member(pid);
        if (!member.is_there)
            continue;
        if (!OidIsValid(member.role))
            ++open;
        else if (is_refused(member.role) && !std::binary_search(listed.begin(), listed.end(), pid) &&
                 (pass.load() > 0 || state().include_replication)) {
            pass_ = &pass;
            open += !end(pid, member.role);
        }
    }
    return open;
}

bool GateSweep::is_still(std::int32_t pid) {
    return pid_of(*pass_) == pid;
}

} // namespace sessionctl::pg
