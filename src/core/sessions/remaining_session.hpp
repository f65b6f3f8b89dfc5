// The report on a session that did not end: what it does, and what a person with a root shell can try.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/session.hpp"

#include <string_view>

namespace sessionctl::core {

/// What the kernel shows of a process; empty fields are not known.
struct KernelView {
    char state;            // as ps spells it
    char wait_channel[64]; // the kernel's function in which it sleeps
    char stack[2048];      // as /proc shows it, which asks for CAP_SYS_ADMIN
};

struct RemainingSession {
    State state;
    Timestamp in_state_for; // microseconds; of an active one, how long its statement has run; -1: not known
    bool has_wait_info;     // the server reports wait events
    const char* wait_event_type; // null: it does not wait
    const char* wait_event;
    const KernelView* kernel; // null: not to be shown
};

/// "active for 14.2 s, no wait event; kernel: S (sleeping) in hrtimer_nanosleep"
string activity_text(const RemainingSession& remaining);

struct Connection {
    const char* host; // numeric; empty for a Unix socket or where not known
    int port;
    bool is_local;
    bool is_closed; // already
};

/// A command for a root shell on the server's machine: closes the connection of the client, or shows who is
/// at its other end, or, where it is closed, where the process hangs.
string root_command(std::int32_t pid, const Connection& connection);

} // namespace sessionctl::core
