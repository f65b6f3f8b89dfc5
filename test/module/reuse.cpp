// In a pid namespace of our own, where an ordinary user may choose the next pid. All of it runs in child
// processes without PostgreSQL; each reports its result by its exit code.
#include "reuse.hpp"

#include <csignal>
#include <cstdio>

#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sched.h>
#endif

namespace sessionctl::test {

namespace {

constexpr int not_possible = 99;
constexpr int hit_flag = 10;

int wait_for(pid_t child) noexcept {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : not_possible;
}

template <typename Body>
pid_t run_child(Body body) noexcept {
    const pid_t child = fork();
    if (child == 0)
        _exit(body());
    return child;
}

void forget_handlers() noexcept {
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGALRM, SIGUSR1, SIGUSR2})
        std::signal(signal, SIG_DFL);
}

#ifdef __linux__

constexpr pid_t shared_pid = 100;

bool own_pid_namespace() noexcept {
    return unshare(CLONE_NEWUSER | CLONE_NEWPID) == 0;
}

bool choose_next_pid() noexcept {
    std::FILE* const file = std::fopen("/proc/sys/kernel/ns_last_pid", "w");
    if (file == nullptr)
        return false;
    const bool written = std::fprintf(file, "%d", shared_pid - 1) > 0;
    return std::fclose(file) == 0 && written;
}

#else

constexpr pid_t shared_pid = 0;
bool own_pid_namespace() noexcept {
    return false;
}
bool choose_next_pid() noexcept {
    return false;
}

#endif

int wait_to_be_killed() noexcept {
    for (;;)
        pause();
}

/// Waits for SIGUSR1, then says whether SIGTERM came before it. Both are blocked.
int watch_for_sigterm() noexcept {
    sigset_t end;
    sigemptyset(&end);
    sigaddset(&end, SIGUSR1);
    int signal;
    sigwait(&end, &signal);
    sigset_t pending;
    sigpending(&pending);
    return sigismember(&pending, SIGTERM);
}

/// With the chosen pid, and, as a backend, as the leader of its own process group.
template <typename Body>
pid_t run_as_shared_pid(Body body) noexcept {
    if (!choose_next_pid())
        return 0;
    const pid_t child = run_child(body);
    setpgid(child, child);
    return child == shared_pid ? child : 0;
}

void block(std::initializer_list<int> signals) noexcept {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals)
        sigaddset(&set, signal);
    sigprocmask(SIG_BLOCK, &set, nullptr);
}

/// The first process of the namespace. If it exits, the kernel ends the others.
int reuse(pg::SignalMethod method) noexcept {
    const pid_t target = run_as_shared_pid(wait_to_be_killed);
    if (target == 0)
        return not_possible;
    pg::Signaller signaller(method);
    if (!signaller.pin(target))
        return not_possible;
    kill(target, SIGKILL);
    wait_for(target);

    block({SIGTERM, SIGUSR1});
    const pid_t impostor = run_as_shared_pid(watch_for_sigterm);
    if (impostor != target)
        return not_possible;
    const core::Delivery delivery = signaller.send(SIGTERM);
    kill(impostor, SIGUSR1);
    return static_cast<int>(delivery) + wait_for(impostor) * hit_flag;
}

} // namespace

Reuse signal_reused_pid(pg::SignalMethod method) noexcept {
    const int code = wait_for(run_child([method] {
        forget_handlers();
        return own_pid_namespace() ? wait_for(run_child([method] { return reuse(method); })) : not_possible;
    }));
    return {code != not_possible, static_cast<core::Delivery>(code % hit_flag), code / hit_flag != 0};
}

} // namespace sessionctl::test
