#include "pg/clients/client_socket.hpp"

#include "pg/clients/process_sockets.hpp"
#include "pg/clients/server_socket.hpp"
#include "pg/sessions/signals.hpp"

#include <cerrno>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif

namespace sessionctl::pg {

namespace {

using Result = core::Closing::Result;

constexpr core::Closing not_here = {
    Result::denied,
    "this operating system does not let a process take another's socket: this requires Linux 5.6 or later"};

#ifdef __linux__

constexpr long pidfd_getfd_number = 438; // the C library's own name is newer than the system call

constexpr core::Closing no_descriptor = {Result::denied, "there is no free file descriptor"};
constexpr core::Closing not_found = {Result::not_found, "its process has no open connection to its client"};

int pidfd_getfd(int pidfd, int descriptor) noexcept {
    return static_cast<int>(syscall(pidfd_getfd_number, pidfd, descriptor, 0));
}

/// The error of the system call, from errno.
core::Closing refusal() noexcept {
    char scope[16];
    switch (errno) {
    case ESRCH:
    case ENOENT:
        return {Result::gone, nullptr};
    case ENOSYS:
        return not_here;
    case EMFILE:
    case ENFILE:
        return no_descriptor;
    }
    if (read_small_file("/proc/sys/kernel/yama/ptrace_scope", scope, sizeof scope) > 0 && scope[0] != '0')
        return {Result::denied, "the operating system forbids it: kernel.yama.ptrace_scope is not 0"};
    return {Result::denied, "the operating system forbids it: ptrace rules, seccomp, or the process itself"};
}

class DuplicateSocket {
  public:
    explicit DuplicateSocket(int descriptor) noexcept : descriptor_(descriptor) {}
    ~DuplicateSocket() {
        if (descriptor_ >= 0)
            close(descriptor_);
    }
    DuplicateSocket(const DuplicateSocket&) = delete;
    DuplicateSocket& operator=(const DuplicateSocket&) = delete;

    bool is_taken() const noexcept { return descriptor_ >= 0; }
    bool is_connection_of(const SockAddr& client) const noexcept;
    bool shut_down() const noexcept { return shutdown(descriptor_, SHUT_RDWR) == 0; }

  private:
    const int descriptor_;
};

bool is_same_end(const sockaddr_storage& a, const sockaddr_storage& b) noexcept {
    if (a.ss_family != b.ss_family || port_of(a) != port_of(b))
        return false;
    if (a.ss_family == AF_INET6)
        return std::memcmp(&reinterpret_cast<const sockaddr_in6&>(a).sin6_addr,
                           &reinterpret_cast<const sockaddr_in6&>(b).sin6_addr, sizeof(in6_addr)) == 0;
    return reinterpret_cast<const sockaddr_in&>(a).sin_addr.s_addr ==
           reinterpret_cast<const sockaddr_in&>(b).sin_addr.s_addr;
}

/// A backend may have other connections: dblink, postgres_fdw, a standby's primary, the statistics collector.
bool DuplicateSocket::is_connection_of(const SockAddr& client) const noexcept {
    sockaddr_storage own = {};
    sockaddr_storage peer = {};
    socklen_t own_length = sizeof own;
    socklen_t peer_length = sizeof peer;
    int type = 0;
    socklen_t type_length = sizeof type;
    if (getsockopt(descriptor_, SOL_SOCKET, SO_TYPE, &type, &type_length) != 0 || type != SOCK_STREAM ||
        getsockname(descriptor_, reinterpret_cast<sockaddr*>(&own), &own_length) != 0 ||
        getpeername(descriptor_, reinterpret_cast<sockaddr*>(&peer), &peer_length) != 0 ||
        own.ss_family != client.addr.ss_family)
        return false;
    if (own.ss_family == AF_UNIX)
        return own_length > offsetof(sockaddr_un, sun_path) &&
               is_name_of_server_socket(reinterpret_cast<const sockaddr_un&>(own).sun_path,
                                        own_length - offsetof(sockaddr_un, sun_path));
    return (own.ss_family == AF_INET || own.ss_family == AF_INET6) && port_of(own) == PostPortNumber &&
           is_same_end(peer, client.addr);
}

#endif

} // namespace

core::Closing close_client_socket([[maybe_unused]] int pidfd, [[maybe_unused]] pid_t pid,
                                  [[maybe_unused]] const SockAddr& client) noexcept {
#ifdef __linux__
    if (pidfd < 0)
        return best_signal_method() == SignalMethod::plain ? not_here : no_descriptor;
    core::Closing closing = not_found;
    const bool is_readable = for_each_socket(pid, [&](int descriptor, unsigned) {
        const DuplicateSocket socket(pidfd_getfd(pidfd, descriptor));
        if (!socket.is_taken()) {
            if (errno == EBADF) // closed in the meantime
                return false;
            closing = refusal();
            return true;
        }
        if (!socket.is_connection_of(client))
            return false;
        closing = socket.shut_down() ? core::Closing{Result::closed, nullptr} : not_found;
        return true;
    });
    return is_readable ? closing : refusal();
#else
    return not_here;
#endif
}

} // namespace sessionctl::pg
