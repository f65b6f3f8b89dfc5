#include "pg/connect_timeout.hpp"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sessionctl::pg {

namespace {

constexpr char libpq_variable[] = "PGCONNECT_TIMEOUT";
constexpr char libpq_connect_timeout[] = "5"; // seconds

/// Finds the socket of the new connection: its descriptor was not a socket before.
class NewSockets {
  public:
    void begin() noexcept {
        for (int file = 0; file < most; ++file)
            was_open_[file] = fcntl(file, F_GETFD) >= 0;
    }
    /// Safe in a signal handler.
    void shut_down() const noexcept {
        struct stat status;
        for (int file = 0; file < most; ++file)
            if (!was_open_[file] && fstat(file, &status) == 0 && S_ISSOCK(status.st_mode))
                shutdown(file, SHUT_RDWR);
    }

  private:
    static constexpr int most = 4096; // max_files_per_process is 1000
    bool was_open_[most] = {};
};
NewSockets new_sockets;

volatile sig_atomic_t is_overdue = false;

extern "C" void sessionctl_connect_overdue() {
    const int saved_errno = errno;
    is_overdue = true;
    new_sockets.shut_down();
    errno = saved_errno;
    kill(getpid(), SIGINT); // a cancel, as for statement_timeout
}

} // namespace

LibpqConnectTimeout::LibpqConnectTimeout() noexcept : is_ours_(getenv(libpq_variable) == nullptr) {
    if (is_ours_)
        setenv(libpq_variable, libpq_connect_timeout, true);
}

LibpqConnectTimeout::~LibpqConnectTimeout() {
    if (is_ours_)
        unsetenv(libpq_variable);
}

TimeoutId start_connect_timer() {
    static TimeoutId timer;
    static bool is_registered = false;
    is_overdue = false;
    new_sockets.begin();
    return call([] {
        if (!is_registered)
            timer = RegisterTimeout(USER_TIMEOUT, sessionctl_connect_overdue);
        is_registered = true;
        enable_timeout_after(timer, connect_timeout);
        return timer;
    });
}

bool stop_connect_timer(TimeoutId timer) {
    call([timer] { disable_timeout(timer, false); });
    if (is_overdue)
        compat::clear_pending_cancel();
    return is_overdue;
}

} // namespace sessionctl::pg
