#include "api/lockless_wait.hpp"

#include "compat/locks.hpp"
#include "pg/disclosure.hpp"
#include "pg/error.hpp"

namespace sessionctl::api {

namespace {

constexpr int most_blockers = 20; // that are named

struct Advice {
    const char* event;
    const char* hint;
};

constexpr char wants_page[] = "It needs a page for itself alone that another session has pinned, mostly with "
                              "an open cursor. The server "
                              "does not tell which: look for a long xact_age in sessionctl.session_activity.";

constexpr Advice advice[] = {
    {"SyncRep",
     "Its transaction is committed here and waits for a synchronous standby: see pg_stat_replication and "
     "synchronous_standby_names."},
    {"SafeSnapshot",
     "Its transaction is READ ONLY DEFERRABLE and waits until the serializable transactions that "
     "write have ended."},
    {"BufferPin", wants_page},
    {"BufferCleanup", wants_page}, // as 19 names it
    {"ProcSignalBarrier",
     "A server process has not taken notice yet, being stopped or in code that does not check for "
     "interrupts. From PostgreSQL 15 on the server log names it every 5 s."},
};

constexpr char no_advice[] =
    "The server does not tell who is in the way of such a wait. Its documentation, The Cumulative "
    "Statistics System, says what the wait event means.";

bool is(const char* text, const char* other) noexcept {
    return std::strcmp(text, other) == 0;
}

/// Waits for its client, or its next task, are not for anybody in the way; one for a lock is over.
bool waits_without_lock(const pg::RosterEntry& session) noexcept {
    const char* const type = session.proc.wait_event_type;
    return pg::may_tell(session.facts) && core::is_active(session.facts.state) && type != nullptr &&
           session.proc.wait_event != nullptr && !is(type, "Client") && !is(type, "Activity") &&
           !is(type, "Lock");
}

} // namespace

core::string lockless_wait(const pg::RosterEntry& session) {
    core::string text;
    if (waits_without_lock(session))
        text.append(" but in ")
            .append(session.proc.wait_event_type)
            .append("/")
            .append(session.proc.wait_event);
    return text;
}

core::string safe_snapshot_blockers(const pg::RosterEntry& session) {
    core::string text;
    if (!waits_without_lock(session) || !is(session.proc.wait_event, "SafeSnapshot"))
        return text;
    int pids[most_blockers];
    const int pid = session.facts.id.pid;
    const int count =
        pg::call([pid, &pids] { return compat::safe_snapshot_blockers(pid, pids, most_blockers); });
    for (int i = 0; i < count; ++i) {
        char number[16];
        std::snprintf(number, sizeof number, "%d", pids[i]);
        text.append(i == 0 ? "It waits for the transactions of pid " : ", ").append(number);
    }
    return text.empty() ? text : text.append(".");
}

const char* hint_for_lockless_wait(const pg::RosterEntry& session) noexcept {
    if (!waits_without_lock(session))
        return "";
    for (const Advice& each : advice)
        if (is(session.proc.wait_event, each.event))
            return each.hint;
    return no_advice;
}

} // namespace sessionctl::api
