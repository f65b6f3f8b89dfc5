// Waits for other sessions that are not for a heavyweight lock.
#pragma once

#include "core/memory.hpp"

#include <cstdint>

namespace sessionctl::core {

enum class NonLockWait { other, standby, safe_snapshot, page, barrier };

/// By the name of the wait event.
NonLockWait non_lock_wait(const char* event) noexcept;

/// "for a synchronous standby (pg_stat_replication)"; null where nothing is known about it.
const char* wanted_by(NonLockWait wait) noexcept;

/// Where to look.
const char* hint_about(NonLockWait wait) noexcept;

/// Does the server know the blockers for certain?
bool knows_blockers(NonLockWait wait) noexcept;

/// The blockers, or possible blockers, in a sentence; empty where none is known.
string others_in_way(NonLockWait wait, const vector<int>& pids);

/// A process and the newest ProcSignalBarrier that it has absorbed. Barriers are numbered from 1.
struct BarrierProgress {
    std::int32_t pid;
    std::uint64_t accepted;
};

/// Pids for which each of so many waiters certainly waits. It is not known which barrier a process waits for:
/// with several waiters it may be an older one, which only the processes furthest behind have certainly not
/// absorbed.
vector<int> barrier_blockers(const vector<BarrierProgress>& all, std::uint64_t newest, int waiters);

} // namespace sessionctl::core
