// Signals that can't hit a reused pid. On Linux a process is pinned by a pidfd, checked, and signalled
// through it.
#pragma once

#include "core/sessions/signal_and_prove.hpp"

#include <boost/container/static_vector.hpp>

#include <sys/types.h>

namespace sessionctl::pg {

enum class SignalMethod {
    plain,       // kill(): no pidfds (old kernel, seccomp, another system)
    pidfd,       // Linux 5.3: the process by pidfd, its process group's members one by one
    pidfd_group, // Linux 6.9: the process group in one go
};

/// The best one that this kernel supports; found out once.
SignalMethod best_signal_method() noexcept;

/// Pins one process at a time. As in core, the whole process group is signalled, so that a program started by
/// COPY … FROM PROGRAM ends, too.
class Signaller {
  public:
    explicit Signaller(SignalMethod method = best_signal_method()) noexcept : method_(method) {}
    ~Signaller() { release(); }
    Signaller(const Signaller&) = delete;
    Signaller& operator=(const Signaller&) = delete;

    /// False if no process has this pid.
    bool pin(pid_t pid) noexcept;
    core::Delivery send(int signal) noexcept;
    void release() noexcept;
    bool is_pinned() const noexcept { return pid_ != 0; }
    /// The pinned process's pidfd, or -1.
    int descriptor() const noexcept { return descriptor_; }

  private:
    bool open_pidfd() noexcept;
    void pin_group_members() noexcept;
    int send_to_pinned(int signal) noexcept;

    const SignalMethod method_;
    pid_t pid_ = 0;
    int descriptor_ = -1; // pidfd of pid_; -1: none, use kill()
    boost::container::static_vector<int, 16> members_;
};

/// Its state as in /proc and ps (R, S, D, T ...); 0 if the system does not tell.
char process_state(pid_t pid) noexcept;
/// Runs, or waits for a processor. False if the system does not tell.
bool is_runnable(pid_t pid) noexcept;

/// Reads a small file of /proc; the length, or -1.
ssize_t read_small_file(const char* path, char* buffer, std::size_t size) noexcept;

} // namespace sessionctl::pg
