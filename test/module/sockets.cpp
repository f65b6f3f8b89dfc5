// Closing a client's connection through another process that has the same socket: a child of this session.
#include "module.hpp"

#include "pg/clients/client_socket.hpp"

#include <csignal>

extern "C" {
#include "miscadmin.h"

#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/syscall.h>
#endif
}

namespace sessionctl::test {

namespace {

const char* name_of(core::Closing::Result result) noexcept {
    switch (result) {
    case core::Closing::Result::closed:
        return "closed";
    case core::Closing::Result::gone:
        return "gone";
    case core::Closing::Result::not_found:
        return "not found";
    case core::Closing::Result::denied:
        return "denied";
    }
    return nullptr;
}

/// A process that only waits, with its pidfd.
class Child {
  public:
    Child() noexcept : pid_(fork()) {
        if (pid_ == 0)
            for (;;)
                pause();
#ifdef __linux__
        descriptor_ = static_cast<int>(syscall(434, pid_, 0)); // pidfd_open
#endif
    }
    ~Child() {
        end();
        close(descriptor_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void end() noexcept {
        if (pid_ <= 0)
            return;
        kill(pid_, SIGKILL);
        while (waitpid(pid_, nullptr, 0) < 0 && errno == EINTR)
            continue;
        pid_ = 0;
    }
    pid_t pid() const noexcept {
        return pid_;
    }
    int descriptor() const noexcept {
        return descriptor_;
    }

  private:
    pid_t pid_;
    int descriptor_ = -1;
};

} // namespace

// close_socket(is_reused boolean): closes this session's connection, found in a child. The process that is
// pinned is that child, or one that has ended and whose pid now is the child's.
SQL_FUNCTION(sessionctl_test_close_socket)
{
    return pg::entry([&]() -> Datum {
        Child pinned;
        const Child successor;
        const bool is_reused = PG_GETARG_BOOL(0);
        if (is_reused)
            pinned.end();
        const int descriptor = is_reused ? pinned.descriptor() : successor.descriptor();
        return text_result(
            name_of(pg::close_client_socket(descriptor, successor.pid(), compat::address_of_login(MyProcPort))
                        .result));
    });
}

} // namespace sessionctl::test
