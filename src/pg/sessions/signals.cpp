#include "pg/sessions/signals.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace sessionctl::pg {

namespace {

#ifdef __linux__

// The C library's names for these are newer than the system calls.
constexpr long pidfd_send_signal_number = 424;
constexpr long pidfd_open_number = 434;
constexpr unsigned signal_process_group = 1U << 2; // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9

int pidfd_open(pid_t pid) noexcept {
    return static_cast<int>(syscall(pidfd_open_number, pid, 0));
}

int pidfd_send_signal(int descriptor, int signal, unsigned flags) noexcept {
    return static_cast<int>(syscall(pidfd_send_signal_number, descriptor, signal, nullptr, flags));
}

#else

constexpr unsigned signal_process_group = 0;
int pidfd_open(pid_t) noexcept {
    errno = ENOSYS;
    return -1;
}
int pidfd_send_signal(int, int, unsigned) noexcept {
    errno = ENOSYS;
    return -1;
}

#endif

SignalMethod probe_method() noexcept {
    const int self = pidfd_open(getpid());
    if (self < 0)
        return SignalMethod::plain;
    SignalMethod method = SignalMethod::plain;
    if (pidfd_send_signal(self, 0, 0) == 0)
        // A process that leads no group gives ESRCH; a kernel that does not know the flag gives EINVAL.
        method = pidfd_send_signal(self, 0, signal_process_group) == 0 || errno != EINVAL
                     ? SignalMethod::pidfd_group
                     : SignalMethod::pidfd;
    close(self);
    return method;
}

/// False only if the kernel reports that the process has no children.
bool may_have_children(pid_t pid) noexcept {
    char path[64];
    char children[64];
    std::snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, pid);
    return read_small_file(path, children, sizeof children) != 0;
}

/// From /proc/<pid>/stat; all 0 if there is no such process. The command name, in parentheses before it, may
/// contain anything.
struct ProcessFacts {
    char state;
    pid_t group;
};

ProcessFacts facts_of(pid_t pid) noexcept {
    char path[64];
    char stat[512];
    ProcessFacts facts = {};
    std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
    if (read_small_file(path, stat, sizeof stat) <= 0)
        return facts;
    const char* const name_end = std::strrchr(stat, ')');
    if (name_end == nullptr || std::sscanf(name_end + 1, " %c %*d %d", &facts.state, &facts.group) != 2)
        return {};
    return facts;
}

pid_t group_of(pid_t pid) noexcept {
    return facts_of(pid).group;
}

} // namespace

ssize_t read_small_file(const char* path, char* buffer, std::size_t size) noexcept {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return -1;
    const ssize_t length = read(file, buffer, size - 1);
    close(file);
    if (length >= 0)
        buffer[length] = '\0';
    return length;
}

char process_state(pid_t pid) noexcept {
    return facts_of(pid).state;
}

bool is_runnable(pid_t pid) noexcept {
    return process_state(pid) == 'R';
}

SignalMethod best_signal_method() noexcept {
    static bool probed = false;
    static SignalMethod method = SignalMethod::plain;
    if (!probed) {
        method = probe_method();
        // A lack of descriptors says nothing about the kernel.
        probed = method != SignalMethod::plain || (errno != EMFILE && errno != ENFILE);
    }
    return method;
}

bool Signaller::pin(pid_t pid) noexcept {
    release();
    if (pid <= 1) // kill() takes these for all processes, or init
        return false;
    pid_ = pid;
    if (!open_pidfd())
        pid_ = 0;
    return is_pinned();
}

bool Signaller::open_pidfd() noexcept {
    if (method_ == SignalMethod::plain)
        return kill(pid_, 0) == 0 || errno != ESRCH;
    descriptor_ = pidfd_open(pid_);
    // Without a free descriptor: kill() right after the check.
    if (descriptor_ < 0)
        return errno == EMFILE || errno == ENFILE;
    if (method_ == SignalMethod::pidfd && may_have_children(pid_))
        pin_group_members();
    return true;
}

/// Pins the members of the process's group before it is signalled: as long as a member lives, the group's
/// number is not reused.
void Signaller::pin_group_members() noexcept {
    DIR* const processes = opendir("/proc");
    if (processes == nullptr)
        return;
    while (const dirent* entry = readdir(processes)) {
        const pid_t member = std::atoi(entry->d_name);
        if (member <= 0 || member == pid_ || group_of(member) != pid_ ||
            members_.size() == members_.capacity())
            continue;
        const int descriptor = pidfd_open(member);
        if (descriptor < 0)
            continue;
        if (group_of(member) == pid_ && pidfd_send_signal(descriptor_, 0, 0) == 0)
            members_.push_back(descriptor);
        else
            close(descriptor);
    }
    closedir(processes);
}

/// The result of the system call (errno). If a living process leads no group, the group gives ESRCH: then
/// only the process is signalled.
int Signaller::send_to_pinned(int signal) noexcept {
    if (descriptor_ < 0) {
        const int result = kill(-pid_, signal);
        return result == 0 || errno != ESRCH ? result : kill(pid_, signal);
    }
    if (method_ == SignalMethod::pidfd_group) {
        const int result = pidfd_send_signal(descriptor_, signal, signal_process_group);
        if (result == 0 || errno != ESRCH)
            return result;
    }
    return pidfd_send_signal(descriptor_, signal, 0);
}

core::Delivery Signaller::send(int signal) noexcept {
    if (send_to_pinned(signal) != 0)
        return errno == ESRCH ? core::Delivery::gone : core::Delivery::denied;
    for (const int member : members_)
        pidfd_send_signal(member, signal, 0);
    return core::Delivery::delivered;
}

void Signaller::release() noexcept {
    for (const int member : members_)
        close(member);
    members_.clear();
    if (descriptor_ >= 0)
        close(descriptor_);
    descriptor_ = -1;
    pid_ = 0;
}

} // namespace sessionctl::pg
