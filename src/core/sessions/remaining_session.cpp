#include "core/sessions/remaining_session.hpp"

#include "core/sql_text.hpp"

#include <cstdio>
#include <cstring>

namespace sessionctl::core {

namespace {

constexpr int most_frames = 8;

const char* name_of_kernel_state(char state) noexcept {
    switch (state) {
    case 'R':
        return "running";
    case 'S':
        return "sleeping";
    case 'D':
        return "uninterruptible: waits for a disk or a network file system";
    case 'T':
        return "stopped";
    case 't':
        return "stopped by a debugger";
    case 'Z':
        return "dead, not yet collected";
    }
    return "";
}

/// "[<0>] do_nanosleep+0x67/0x1a0" of each line becomes "do_nanosleep", the innermost first.
void append_frames(string& text, std::string_view stack) {
    const char* separator = "; kernel stack: ";
    for (int frame = 0; frame < most_frames && !stack.empty(); ++frame) {
        std::string_view line = stack.substr(0, stack.find('\n'));
        stack.remove_prefix(std::min(line.size() + 1, stack.size()));
        line.remove_prefix(std::min(line.find(' ') + 1, line.size()));
        line = line.substr(0, line.find('+'));
        if (line.empty())
            continue;
        text.append(separator).append(line.data(), line.size());
        separator = " < ";
    }
}

void append_kernel(string& text, const KernelView& kernel) {
    if (kernel.state == 0)
        return;
    const char* const name = name_of_kernel_state(kernel.state);
    text.append("; kernel: ").append(1, kernel.state);
    if (*name != '\0')
        text.append(" (").append(name).append(")");
    if (kernel.wait_channel[0] != '\0' && std::strcmp(kernel.wait_channel, "0") != 0)
        text.append(" in ").append(kernel.wait_channel);
    append_frames(text, kernel.stack);
}

} // namespace

string activity_text(const RemainingSession& remaining) {
    const char* const state = state_name(remaining.state);
    string text = state != nullptr ? state : "state not known";
    if (remaining.in_state_for >= 0) {
        char length[64];
        std::snprintf(length, sizeof length, " for %.1f s",
                      static_cast<double>(remaining.in_state_for) / microseconds_per_second);
        text.append(length);
    }
    if (remaining.wait_event_type != nullptr && remaining.wait_event != nullptr)
        text.append(", waits: ").append(remaining.wait_event_type).append("/").append(remaining.wait_event);
    else if (remaining.has_wait_info)
        text.append(", no wait event");
    if (remaining.kernel != nullptr)
        append_kernel(text, *remaining.kernel);
    return text;
}

string root_command(std::int32_t pid, const Connection& connection) {
    char command[256];
    if (!connection.is_closed && connection.host[0] != '\0') {
        string address(connection.host);
        if (address.find(':') != string::npos)
            address.insert(0, "[").push_back(']');
        std::snprintf(command, sizeof command, "ss -K dst %s dport = %d", shell_word(address).c_str(),
                      connection.port);
    } else if (!connection.is_closed && connection.is_local)
        std::snprintf(command, sizeof command,
                      "ss -xp | grep -w \"$(ss -xp | awk '/pid=%d,/ && $5 ~ /PGSQL/ {print $8}')\"", pid);
    else
        std::snprintf(command, sizeof command, "cat /proc/%d/stack; gdb --batch -p %d -ex bt", pid, pid);
    return command;
}

} // namespace sessionctl::core
