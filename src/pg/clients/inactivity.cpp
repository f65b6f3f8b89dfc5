#include "pg/clients/inactivity.hpp"

#include "pg/clients/socket_queues.hpp"
#include "pg/sessions/session_table.hpp"
#include "pg/sessions/signals.hpp"

namespace sessionctl::pg {

namespace {

/// The number after this name in /proc/<pid>/status.
std::uint64_t number_in(const char* status, const char* name) noexcept {
    const char* const found = std::strstr(status, name);
    return found != nullptr ? std::strtoull(found + std::strlen(name), nullptr, 10) : 0;
}

} // namespace

core::Inactivity inactivity_of(const core::Session& session) noexcept {
    char path[64];
    char status[8192];
    std::snprintf(path, sizeof path, "/proc/%d/status", session.id.pid);
    SocketQueues queues;
    if (read_small_file(path, status, sizeof status) <= 0 || !socket_queues_of(session.id.pid, queues))
        return {};
    const bool waits_to_write = client_wait_of(session) == ClientWait::write;
    const bool is_clients_turn = waits_to_write ? queues.has_output : !queues.has_input;
    const bool sleeps = std::strstr(status, "\nState:\tS") != nullptr;
    return {sleeps && is_clients_turn, number_in(status, "\nvoluntary_ctxt_switches:") +
                                           number_in(status, "\nnonvoluntary_ctxt_switches:")};
}

bool is_at_rest(const core::Session& session) noexcept {
    if (!compat::has_client_waits)
        return !is_runnable(session.id.pid);
    const char* const event = compat::wait_event_of(session.slot, session.id.pid);
    return event != nullptr && std::strcmp(event, "ClientRead") == 0;
}

bool has_unreceived_output(const core::Session& session) noexcept {
    SocketQueues queues;
    return socket_queues_of(session.id.pid, queues) && queues.has_output;
}

} // namespace sessionctl::pg
