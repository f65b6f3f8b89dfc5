#include "api/locks/non_lock_wait.hpp"

#include "pg/locks/non_lock_waits.hpp"

namespace sessionctl::api {

core::string non_lock_wait(const pg::RosterEntry& session) {
    core::string text;
    if (pg::waits_without_lock(session))
        text.append(" but in ")
            .append(session.proc.wait_event_type)
            .append("/")
            .append(session.proc.wait_event);
    return text;
}

core::string others_in_way(const pg::Roster& roster, const pg::RosterEntry& session) {
    if (!pg::waits_without_lock(session))
        return core::string();
    return core::others_in_way(core::non_lock_wait(session.proc.wait_event),
                               pg::others_in_way(roster, session));
}

const char* hint_for_non_lock_wait(const pg::RosterEntry& session) noexcept {
    return pg::waits_without_lock(session) ? core::hint_about(core::non_lock_wait(session.proc.wait_event))
                                           : "";
}

} // namespace sessionctl::api
