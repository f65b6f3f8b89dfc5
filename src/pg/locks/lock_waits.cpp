#include "pg/locks/lock_waits.hpp"

#include "pg/error.hpp"
#include "pg/locks/lock_text.hpp"
#include "pg/memory.hpp"

namespace sessionctl::pg {

namespace {

template <typename T>
compat::CopyBuffer<T> all_of(core::vector<T>& entries) noexcept {
    return {entries.data(), static_cast<int>(entries.size()), 0};
}

/// Allocates more if it was too little, and some on top: the table may grow between two copies.
template <typename T>
void allocate_for(core::vector<T>& entries, const compat::CopyBuffer<T>& room) {
    if (!room.fits())
        entries.resize(room.count + room.count / 2);
}

} // namespace

LockWaits* LockWaits::take() {
    return take({}, true);
}

LockWaits* LockWaits::take_if_free() {
    return take({}, false);
}

LockWaits* LockWaits::take_with(const core::vector<NonLockWait>& others) {
    return take(others, true);
}

LockWaits* LockWaits::take(const core::vector<NonLockWait>& others, bool may_wait) {
    core::vector<core::ProcLock> proclocks(compat::max_backends());
    core::vector<LOCKTAG> locks(compat::max_backends());
    core::vector<core::ParallelWorker> workers(compat::max_backends());
    for (;;) {
        compat::WaitBuffers room = {all_of(proclocks), all_of(locks), all_of(workers)};
        const bool is_taken = call([&room, may_wait] {
            CHECK_FOR_INTERRUPTS();
            return compat::copy_lock_waits(room, may_wait);
        });
        if (!is_taken)
            return nullptr;
        if (room.proclocks.fits() && room.locks.fits() && room.workers.fits()) {
            proclocks.resize(room.proclocks.count);
            locks.resize(room.locks.count);
            workers.resize(room.workers.count);
            break;
        }
        allocate_for(proclocks, room.proclocks);
        allocate_for(locks, room.locks);
        allocate_for(workers, room.workers);
    }
    int number = static_cast<int>(locks.size());
    for (const NonLockWait& each : others)
        core::add_non_lock_wait(proclocks, number++, each.pid,
                                core::knows_blockers(each.kind) ? each.others : core::vector<int>());
    core::WaitGraph graph(std::move(proclocks), std::move(workers));
    return new (core::allocate(sizeof(LockWaits))) LockWaits(std::move(graph), std::move(locks));
}

int LockWaits::waiting_behind(int pid) const {
    const int party = graph_.find(core::Party{pid, 0});
    if (party < 0)
        return 0;
    const MemoryScope scope(memory_); // results are cached as long as the rest
    return graph_.waiting_behind(party);
}

core::vector<int> LockWaits::blocked_by(int pid) const {
    const int party = graph_.find(pid);
    core::vector<int> pids;
    if (party < 0)
        return pids;
    for (const int blocker : graph_.blockers_of(party))
        pids.push_back(graph_.party(blocker).pid);
    pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
    return pids;
}

core::vector<const char*> LockWaits::lock_texts() const {
    core::vector<const char*> texts(locks_.size());
    call([&] { std::transform(locks_.begin(), locks_.end(), texts.begin(), lock_text); });
    return texts;
}

core::vector<int> pids_of(const core::WaitGraph& graph, const core::vector<int>& parties) {
    core::vector<int> pids;
    for (const int party : parties)
        if (!graph.party(party).is_prepared())
            pids.push_back(graph.party(party).pid);
    return pids;
}

} // namespace sessionctl::pg
