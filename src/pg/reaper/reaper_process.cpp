#include "pg/reaper/reaper_process.hpp"

#include "pg/error.hpp"
#include "pg/sessions/session_table.hpp"

namespace sessionctl::pg {

std::optional<core::Session> reaper_session(int pid) {
    core::vector<core::Session> sessions;
    call([&sessions] { list_sessions(sessions); });
    const auto found = std::find_if(sessions.begin(), sessions.end(),
                                    [pid](const core::Session& session) { return session.id.pid == pid; });
    return found != sessions.end() ? std::optional(*found) : std::nullopt;
}

} // namespace sessionctl::pg
