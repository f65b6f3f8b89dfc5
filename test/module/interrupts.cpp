// Errors while interrupts are held off: the count must be right afterwards, or the session could never be
// ended.
#include "module.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>

extern "C" {
#include "storage/lock.h"
#include "storage/lwlock.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
}

namespace sessionctl::test {

namespace {

class InterruptsHeld {
  public:
    InterruptsHeld() { HOLD_INTERRUPTS(); }
    ~InterruptsHeld() { RESUME_INTERRUPTS(); }
};

class CancelsHeld {
  public:
    CancelsHeld() { compat::set_query_cancel_holdoff(compat::query_cancel_holdoff() + 1); }
    ~CancelsHeld() { compat::set_query_cancel_holdoff(compat::query_cancel_holdoff() - 1); }
};

/// A lightweight lock holds interrupts off, too.
class Locked {
  public:
    Locked() {
        pg::call([] { LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE); });
    }
    ~Locked() { LWLockRelease(AddinShmemInitLock); }
};

/// While it lives, the process gets hardly any more memory from the system once tighten() was called.
class MemoryLimit {
  public:
    MemoryLimit() { getrlimit(RLIMIT_AS, &before_); }
    ~MemoryLimit() { setrlimit(RLIMIT_AS, &before_); }

    int tighten() noexcept {
        constexpr rlim_t slack = 1024 * 1024;
        rlimit limit = before_;
        limit.rlim_cur = address_space() + slack;
        return setrlimit(RLIMIT_AS, &limit);
    }

  private:
    static rlim_t address_space() noexcept {
        unsigned long pages = 0;
        std::FILE* const file = std::fopen("/proc/self/statm", "r");
        if (file == nullptr || std::fscanf(file, "%lu", &pages) != 1)
            pages = 0;
        if (file != nullptr)
            std::fclose(file);
        return static_cast<rlim_t>(pages) * sysconf(_SC_PAGESIZE);
    }

    rlimit before_;
};

/// An error that is too large to be copied with the memory that is left.
void raise_uncopyable(MemoryLimit& limit) {
    constexpr std::size_t size = 64 * 1024 * 1024;
    char* const text = static_cast<char*>(palloc(size));
    std::memset(text, 'x', size - 1);
    text[size - 1] = '\0';
    // One expression, since up to 12 these are arguments, evaluated in any order.
    ereport(ERROR, ((errmsg("too much to tell"), errdetail("%s", text), limit.tighten())));
}

template <typename Hold>
void fail_while_held() {
    const Hold hold;
    raise_in_postgres();
}

void fail_to_copy() {
    const InterruptsHeld hold;
    const Witness witness;
    MemoryLimit limit;
    pg::call([&limit] { raise_uncopyable(limit); });
}

void fail_with_lock_taken_inside() {
    pg::call([] {
        LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
        ereport(ERROR,
                (errcode(ERRCODE_CHECK_VIOLATION), errmsg("with a lock that the abort has to release")));
    });
}

void fail(std::string_view how) {
    if (how == "interrupts")
        fail_while_held<InterruptsHeld>();
    else if (how == "cancels")
        fail_while_held<CancelsHeld>();
    else if (how == "lwlock")
        fail_while_held<Locked>();
    else if (how == "lwlock inside")
        fail_with_lock_taken_inside();
    else if (how == "no memory")
        fail_to_copy();
    else
        refuse_word("way to hold interrupts", how);
}

/// PostgreSQL's two counts.
struct Holdoff {
    unsigned interrupts;
    unsigned cancels;

    static Holdoff now() noexcept {
        return {static_cast<unsigned>(InterruptHoldoffCount),
                static_cast<unsigned>(compat::query_cancel_holdoff())};
    }
};

/// When the last error was reported, after the interrupts held off by the caller were released.
Holdoff last_passed = {};

std::time_t seconds() noexcept {
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

} // namespace

// fail_held(how text): an error in that situation.
SQL_FUNCTION(sessionctl_test_fail_held)
{
    return pg::entry([&]() -> Datum {
        try {
            fail(text_argument(fcinfo, 0));
        } catch (...) {
            last_passed = Holdoff::now();
            throw;
        }
        PG_RETURN_VOID();
    });
}

// holdoff(): how often interrupts, then cancels, were held off when fail_held()'s last error was reported,
// and are now.
SQL_FUNCTION(sessionctl_test_holdoff)
{
    return pg::entry([&]() -> Datum {
        const Holdoff now = Holdoff::now();
        char text[64];
        std::snprintf(text, sizeof text, "then %u %u now %u %u", last_passed.interrupts, last_passed.cancels,
                      now.interrupts, now.cancels);
        return text_result(text);
    });
}

// stubborn(seconds integer): stays in C for so long and never looks for interrupts, as bad code does.
SQL_FUNCTION(sessionctl_test_stubborn)
{
    const std::time_t end = seconds() + PG_GETARG_INT32(0);
    constexpr timespec moment = {0, 10 * 1000 * 1000};
    while (seconds() < end)
        nanosleep(&moment, nullptr);
    PG_RETURN_VOID();
}

// deaf(file text): the same as long as that file exists, ten minutes at most.
SQL_FUNCTION(sessionctl_test_deaf)
{
    const char* const file = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const std::time_t end = seconds() + 600;
    constexpr timespec moment = {0, 10 * 1000 * 1000};
    while (access(file, F_OK) == 0 && seconds() < end)
        nanosleep(&moment, nullptr);
    PG_RETURN_VOID();
}

namespace {

LWLock* lock_named(const char* name) {
    if (std::strcmp(name, "ProcArrayLock") == 0)
        return ProcArrayLock;
    if (std::strcmp(name, "SInvalWriteLock") == 0)
        return SInvalWriteLock;
    if (std::strcmp(name, "SyncRepLock") == 0)
        return SyncRepLock;
    if (std::strcmp(name, "LockManager") == 0) // the last part of the lock table
        return LockHashPartitionLockByIndex(NUM_LOCK_PARTITIONS - 1);
    elog(ERROR, "unknown lock \"%s\"", name);
    pg_unreachable();
}

} // namespace

// hold_lock(name text, file text): holds that lightweight lock as long as the file exists, ten minutes at
// most. When the lock is taken, the file gets an x.
SQL_FUNCTION(sessionctl_test_hold_lock)
{
    const char* const name = text_to_cstring(PG_GETARG_TEXT_PP(0));
    const char* const file = text_to_cstring(PG_GETARG_TEXT_PP(1));
    LWLock* const lock = lock_named(name);
    const std::time_t end = seconds() + 600;
    constexpr timespec moment = {0, 10 * 1000 * 1000};
    LWLockAcquire(lock, LW_EXCLUSIVE);
    const int descriptor = open(file, O_WRONLY);
    if (descriptor >= 0) {
        [[maybe_unused]] const ssize_t written = write(descriptor, "x", 1);
        close(descriptor);
    }
    while (access(file, F_OK) == 0 && seconds() < end)
        nanosleep(&moment, nullptr);
    LWLockRelease(lock);
    PG_RETURN_VOID();
}

// lock_up(): from here on no other process of the same user may look into this one.
SQL_FUNCTION(sessionctl_test_lock_up)
{
#ifdef __linux__
    prctl(PR_SET_DUMPABLE, 0);
#endif
    PG_RETURN_VOID();
}

} // namespace sessionctl::test
