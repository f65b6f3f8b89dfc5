// Signals by identity, each method forced.
#include "module.hpp"
#include "reuse.hpp"

#include "pg/sessions/signals.hpp"

extern "C" {
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
}

namespace sessionctl::test {

namespace {

const char* name_of(pg::SignalMethod method) noexcept {
    switch (method) {
    case pg::SignalMethod::plain:
        return "plain";
    case pg::SignalMethod::pidfd:
        return "pidfd";
    case pg::SignalMethod::pidfd_group:
        return "pidfd_group";
    }
    return nullptr;
}

pg::SignalMethod method_named(std::string_view name) {
    for (const pg::SignalMethod method :
         {pg::SignalMethod::plain, pg::SignalMethod::pidfd, pg::SignalMethod::pidfd_group})
        if (name == name_of(method))
            return method;
    refuse_word("method", name);
}

const char* name_of(core::Delivery delivery) noexcept {
    switch (delivery) {
    case core::Delivery::delivered:
        return "delivered";
    case core::Delivery::gone:
        return "gone";
    case core::Delivery::denied:
        return "denied";
    case core::Delivery::changed:
        return "changed";
    }
    return nullptr;
}

/// While it lives, this process can open no new descriptor.
class NoDescriptors {
  public:
    explicit NoDescriptors(bool wanted) noexcept {
        getrlimit(RLIMIT_NOFILE, &before_);
        rlimit none = before_;
        none.rlim_cur = 0;
        if (wanted)
            setrlimit(RLIMIT_NOFILE, &none);
    }
    ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_;
};

const char* signal_process(pg::Signaller& signaller, int pid, int signal, bool starved) noexcept {
    const NoDescriptors no_descriptors(starved);
    return signaller.pin(pid) ? name_of(signaller.send(signal)) : "no such process";
}

/// kill(-1) reaches every process of this user: only signal 0, which does nothing, may ever go that way.
void require_harmless(int pid, int signal) {
    if (pid <= 1 && signal != 0)
        refuse_word("process to end", "1");
}

int open_descriptors() noexcept {
    int count = 0;
    for (int descriptor = 0; descriptor < 1024; ++descriptor)
        if (fcntl(descriptor, F_GETFD) != -1)
            ++count;
    return count;
}

} // namespace

// best_method(): what this kernel allows.
SQL_FUNCTION(sessionctl_test_best_method)
{
    return pg::entry([&]() -> Datum { return text_result(name_of(pg::best_signal_method())); });
}

// signal(pid integer, signal integer, method text, starved boolean): the delivery, or 'no such process'.
// Starved: no file descriptor is left for a pidfd.
SQL_FUNCTION(sessionctl_test_signal)
{
    return pg::entry([&]() -> Datum {
        const int pid = PG_GETARG_INT32(0);
        const int signal = PG_GETARG_INT32(1);
        require_harmless(pid, signal);
        pg::Signaller signaller(method_named(text_argument(fcinfo, 2)));
        return text_result(signal_process(signaller, pid, signal, PG_GETARG_BOOL(3)));
    });
}

// signal_reused(method text): the result of a signal whose target has ended and whose pid has a new owner:
// 'delivered, hit', 'gone, spared' … or 'not possible here'.
SQL_FUNCTION(sessionctl_test_signal_reused)
{
    return pg::entry([&]() -> Datum {
        const pg::SignalMethod method = method_named(text_argument(fcinfo, 0));
        const Reuse reuse = signal_reused_pid(method);
        if (!reuse.possible)
            return text_result("not possible here");
        char text[64];
        std::snprintf(text, sizeof text, "%s, %s", name_of(reuse.delivery), reuse.hit ? "hit" : "spared");
        return text_result(text);
    });
}

// descriptors(): how many this process has open.
SQL_FUNCTION(sessionctl_test_descriptors)
{
    return pg::entry([&]() -> Datum { PG_RETURN_INT32(open_descriptors()); });
}

} // namespace sessionctl::test
