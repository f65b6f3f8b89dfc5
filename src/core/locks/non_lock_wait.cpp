#include "core/locks/non_lock_wait.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <iterator>

namespace sessionctl::core {

namespace {

constexpr std::size_t most_named = 20;

struct Event {
    const char* name;
    NonLockWait wait;
};

constexpr Event wait_events[] = {
    {"SyncRep", NonLockWait::standby},
    {"SafeSnapshot", NonLockWait::safe_snapshot},
    {"BufferPin", NonLockWait::page},
    {"BufferCleanup", NonLockWait::page}, // as 19 names it
    {"ProcSignalBarrier", NonLockWait::barrier},
};

struct WaitText {
    const char* wanted;
    const char* hint;
    const char* before_pids;
    const char* after_pids;
};

/// In the order of NonLockWait.
constexpr WaitText wait_texts[] = {
    {nullptr,
     "The server does not show what such a wait is blocked by. See its documentation, The Cumulative "
     "Statistics System, for the wait event.",
     "", ""},
    {"for a synchronous standby (pg_stat_replication)",
     "Its transaction is committed here and waits for a synchronous standby: see pg_stat_replication and "
     "synchronous_standby_names.",
     "", ""},
    {"for serializable transactions that write",
     "Its transaction is READ ONLY DEFERRABLE and waits until the serializable transactions that "
     "write have ended.",
     "It waits for the transactions of pid ", "."},
    {"for a page that another session has pinned",
     "It needs a page that another session has pinned, mostly by an open cursor. The server does not show "
     "which session: look for a long xact_age in sessionctl.session_activity.",
     "The pin may be held by a session that has a lock on the same table: pid ", "."},
    {"for a process to accept a ProcSignalBarrier",
     "A server process has not accepted a ProcSignalBarrier: it is stopped, or in code that does not check "
     "for interrupts. From PostgreSQL 15 on the server log names it every 5 s.",
     "It waits for pid ", " to accept a ProcSignalBarrier."},
};
static_assert(std::size(wait_texts) == static_cast<std::size_t>(NonLockWait::barrier) + 1);

const WaitText& text_for(NonLockWait wait) noexcept {
    return wait_texts[static_cast<int>(wait)];
}

void append_number(string& text, const char* format, std::size_t number) {
    char digits[32];
    std::snprintf(digits, sizeof digits, format, number);
    text.append(digits);
}

} // namespace

NonLockWait non_lock_wait(const char* event) noexcept {
    for (const Event& each : wait_events)
        if (std::strcmp(each.name, event) == 0)
            return each.wait;
    return NonLockWait::other;
}

const char* wanted_by(NonLockWait wait) noexcept {
    return text_for(wait).wanted;
}

const char* hint_about(NonLockWait wait) noexcept {
    return text_for(wait).hint;
}

bool knows_blockers(NonLockWait wait) noexcept {
    return wait == NonLockWait::safe_snapshot || wait == NonLockWait::barrier;
}

string others_in_way(NonLockWait wait, const vector<int>& pids) {
    string text;
    for (std::size_t i = 0; i < pids.size() && i < most_named; ++i) {
        text.append(i == 0 ? text_for(wait).before_pids : ", ");
        append_number(text, "%zu", static_cast<std::size_t>(pids[i]));
    }
    if (pids.size() > most_named)
        append_number(text, " and %zu more", pids.size() - most_named);
    return text.empty() ? text : text.append(text_for(wait).after_pids);
}

vector<int> barrier_blockers(const vector<BarrierProgress>& all, std::uint64_t newest, int waiters) {
    std::uint64_t enough = newest;
    if (waiters > 1)
        for (const BarrierProgress& each : all)
            if (each.accepted < enough)
                enough = each.accepted + 1;
    vector<int> pids;
    for (const BarrierProgress& each : all)
        if (each.accepted < enough)
            pids.push_back(each.pid);
    std::sort(pids.begin(), pids.end());
    return pids;
}

} // namespace sessionctl::core
