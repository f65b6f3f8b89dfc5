#include "compat/connection.hpp"

#include "compat/port.hpp"

#include <cerrno>
#include <ctime>
#include <sys/socket.h>
#ifdef __linux__
#include <linux/sockios.h>
#include <sys/ioctl.h>
#endif

extern "C" {
#include "libpq/libpq.h"
}

namespace sessionctl::compat {

namespace {

long monotonic_milliseconds() noexcept {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000L + time.tv_nsec / 1000000;
}

} // namespace

bool is_output_received() noexcept {
    if (pq_is_send_pending())
        return false;
#ifdef __linux__
    int left = 0; // TCP: not acknowledged by the other machine; Unix socket: not read
    if (ioctl(MyProcPort->sock, SIOCOUTQ, &left) == 0)
        return left == 0;
#endif
    return true;
}

void flush_to_client() {
    pq_flush();
}

void shut_connection() noexcept {
    if (MyProcPort != nullptr)
        shutdown(MyProcPort->sock, SHUT_RDWR);
}

void shutdown_and_wait(int milliseconds) noexcept {
    if (MyProcPort->raddr.addr.ss_family == AF_UNIX)
        return;
    shutdown(MyProcPort->sock, SHUT_WR);
    char rest[8192];
    const long end = monotonic_milliseconds() + milliseconds;
    do { // the time is checked after each piece: a client may send without end
        const ssize_t length = recv(MyProcPort->sock, rest, sizeof rest, MSG_DONTWAIT);
        if (length == 0 || (length < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return;
        if (length < 0)
            pg_usleep(core::microseconds_per_millisecond);
    } while (monotonic_milliseconds() < end);
}

} // namespace sessionctl::compat
