#include "pg/clients/kernel_view.hpp"

#include "pg/sessions/signals.hpp"

#include <cstdio>

namespace sessionctl::pg {

namespace {

template <std::size_t size>
void read_fact(pid_t pid, const char* name, char (&text)[size]) noexcept {
    char path[64];
    std::snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    if (read_small_file(path, text, size) < 0)
        text[0] = '\0';
}

} // namespace

core::KernelView kernel_view_of(pid_t pid) noexcept {
    core::KernelView view = {};
    view.state = process_state(pid);
    read_fact(pid, "wchan", view.wait_channel);
    read_fact(pid, "stack", view.stack);
    return view;
}

} // namespace sessionctl::pg
