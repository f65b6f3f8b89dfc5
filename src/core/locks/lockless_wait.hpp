// What a session may wait for, with others in its way, that is no heavyweight lock.
#pragma once

#include "core/memory.hpp"

#include <cstdint>

namespace sessionctl::core {

enum class LocklessWait { other, standby, safe_snapshot, page, barrier };

/// By the name of the wait event.
LocklessWait lockless_wait(const char* event) noexcept;

/// "for a synchronous standby (pg_stat_replication)"; null where nothing is known about it.
const char* wanted_by(LocklessWait wait) noexcept;

/// Where to look.
const char* hint_about(LocklessWait wait) noexcept;

/// Are those whom the server names in its way, and not only sessions that may be?
bool knows_blockers(LocklessWait wait) noexcept;

/// Who is in its way, or may be, in a sentence; empty where nobody is known.
string others_in_way(LocklessWait wait, const vector<int>& pids);

/// A process, and up to which barrier it has accepted them. They are numbered from 1.
struct BarrierProgress {
    std::int32_t pid;
    std::uint64_t accepted;
};

/// Pids of those whom each of so many waiters waits for. For which barrier one waits is not known: of several
/// it may be an older one than the newest, which only those that are the furthest behind have surely not
/// accepted.
vector<int> barrier_blockers(const vector<BarrierProgress>& all, std::uint64_t newest, int waiters);

} // namespace sessionctl::core
