#include "pg/locks/non_lock_waits.hpp"

#include "compat/barriers.hpp"
#include "core/locks/wait_graph.hpp"
#include "pg/locks/lock_table.hpp"
#include "pg/sessions/disclosure.hpp"
#include "pg/subtransaction.hpp"

namespace sessionctl::pg {

namespace {

constexpr int most_safe_snapshot_blockers = 1000;

int pid_of_session(const RosterEntry& entry) noexcept {
    return entry.proc.leader_pid != 0 ? entry.proc.leader_pid : entry.facts.id.pid;
}

bool waits_for_barrier(const RosterEntry& entry) noexcept {
    return entry.proc.wait_event != nullptr &&
           core::non_lock_wait(entry.proc.wait_event) == core::NonLockWait::barrier;
}

core::vector<int> serializable_writers(int pid) {
    core::vector<int> pids(most_safe_snapshot_blockers);
    pids.resize(call([pid, &pids] {
        return compat::safe_snapshot_blockers(pid, pids.data(), most_safe_snapshot_blockers);
    }));
    return pids;
}

/// Null: their layout is not the known one.
const void* signal_slots() {
    static const void* slots = nullptr;
    static bool is_looked_for = false;
    if (is_looked_for)
        return slots;
    try {
        slots = in_subtransaction([] { return call([] { return compat::signal_slots(); }); });
    } catch (const PgError& error) {
        if (error.is_cancel())
            throw;
    }
    is_looked_for = true;
    return slots;
}

core::vector<int> pids_behind_barrier(const Roster& roster) {
    const void* const slots = compat::has_barriers ? signal_slots() : nullptr;
    if (slots == nullptr)
        return {};
    core::vector<core::BarrierProgress> all(call([] { return compat::status_array().count; }));
    compat::CopyBuffer<core::BarrierProgress> room = {all.data(), static_cast<int>(all.size()), 0};
    uint64 newest;
    if (!call([&] {
            CHECK_FOR_INTERRUPTS(); // this process has to accept barriers, too
            return compat::copy_barriers(slots, room, newest);
        }))
        return {};
    all.resize(std::min<int>(room.count, room.capacity));
    const auto waiters = std::count_if(roster.entries.begin(), roster.entries.end(), waits_for_barrier);
    return core::barrier_blockers(all, newest, static_cast<int>(waiters));
}

core::vector<int> pids_in_way(const Roster& roster, int pid, core::NonLockWait wait) {
    switch (wait) {
    case core::NonLockWait::safe_snapshot:
        return serializable_writers(pid);
    case core::NonLockWait::barrier:
        return pids_behind_barrier(roster);
    case core::NonLockWait::page:
        return LockTable().sharing_a_table_with(pid);
    case core::NonLockWait::standby:
    case core::NonLockWait::other:
        break;
    }
    return {};
}

} // namespace

bool waits_without_lock(const RosterEntry& entry) noexcept {
    const char* const type = entry.proc.wait_event_type;
    const auto is_type = [type](const char* other) { return std::strcmp(type, other) == 0; };
    return may_tell(entry.facts) && core::is_active(entry.facts.state) && type != nullptr &&
           entry.proc.wait_event != nullptr && !is_type("Client") && !is_type("Activity") && !is_type("Lock");
}

core::vector<int> others_in_way(const Roster& roster, const RosterEntry& entry) {
    const int waiter = pid_of_session(entry);
    core::vector<int> pids;
    for (const int pid : pids_in_way(roster, waiter, core::non_lock_wait(entry.proc.wait_event))) {
        const RosterEntry* const other = roster.find(pid);
        const int session = other != nullptr ? pid_of_session(*other) : pid;
        if (session != waiter)
            pids.push_back(session);
    }
    core::sort_once_each(pids);
    return pids;
}

core::vector<NonLockWait> non_lock_waits(const Roster& roster) {
    core::vector<NonLockWait> waits;
    for (const RosterEntry& entry : roster.entries) {
        if (!waits_without_lock(entry))
            continue;
        const core::NonLockWait kind = core::non_lock_wait(entry.proc.wait_event);
        const int pid = pid_of_session(entry);
        const bool is_known = std::any_of(waits.begin(), waits.end(),
                                          [pid](const NonLockWait& other) { return other.pid == pid; });
        if (kind != core::NonLockWait::other && !is_known)
            waits.push_back({&entry, pid, kind, others_in_way(roster, entry)});
    }
    return waits;
}

} // namespace sessionctl::pg
