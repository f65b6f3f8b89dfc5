// C++ exceptions in what PostgreSQL calls on its own: a hook, the end of a transaction, an exit, a timer.
#include "module.hpp"

extern "C" {
#include "access/xact.h"
#include "executor/executor.h"
#include "storage/ipc.h"
#include "utils/timeout.h"
}

namespace sessionctl::test {

namespace {

ExecutorStart_hook_type previous_executor_start = nullptr;
bool start_throws = false;
bool at_commit = false;
bool at_abort = false;
volatile bool timer_rang = false;

/// Throws where an error can't be reported.
void throw_from_callback() noexcept {
    if (!pg::callback([] { throw std::runtime_error("from a callback"); }))
        ++shared().swallowed;
}

extern "C" void sessionctl_test_executor_start(QueryDesc* query, int flags) {
    pg::entry([&] {
        pg::call([&] {
            if (previous_executor_start != nullptr)
                previous_executor_start(query, flags);
            else
                standard_ExecutorStart(query, flags);
        });
        if (std::exchange(start_throws, false))
            throw std::runtime_error("from a hook");
    });
}

extern "C" void sessionctl_test_transaction_end(XactEvent event, void*) {
    if ((event == XACT_EVENT_COMMIT && std::exchange(at_commit, false)) ||
        (event == XACT_EVENT_ABORT && std::exchange(at_abort, false)))
        throw_from_callback();
}

extern "C" void sessionctl_test_before_exit(int, Datum) {
    throw_from_callback();
}

extern "C" void sessionctl_test_timer(void) {
    throw_from_callback();
    timer_rang = true;
}

/// Registers a callback that can't be unregistered, once a session.
template <typename Registration>
void once(bool& done, Registration registration) {
    if (!done)
        pg::call(registration);
    done = true;
}

void throw_in_hook() {
    static bool hooked = false;
    once(hooked,
         [] { previous_executor_start = std::exchange(ExecutorStart_hook, sessionctl_test_executor_start); });
    start_throws = true;
}

void throw_at_transaction_end(bool& armed) {
    static bool registered = false;
    once(registered, [] { RegisterXactCallback(sessionctl_test_transaction_end, nullptr); });
    armed = true;
}

void throw_in_timer() {
    static bool registered = false;
    static TimeoutId timer;
    once(registered, [] { timer = RegisterTimeout(USER_TIMEOUT, sessionctl_test_timer); });
    timer_rang = false;
    pg::call([] {
        enable_timeout_after(timer, 1);
        while (!timer_rang) {
            compat::wait_latch(10);
            CHECK_FOR_INTERRUPTS();
        }
    });
}

void throw_in(std::string_view place) {
    if (place == "executor start")
        throw_in_hook();
    else if (place == "commit")
        throw_at_transaction_end(at_commit);
    else if (place == "abort")
        throw_at_transaction_end(at_abort);
    else if (place == "exit")
        pg::call([] { before_shmem_exit(sessionctl_test_before_exit, 0); });
    else if (place == "timer")
        throw_in_timer();
    else
        refuse_word("place to throw in", place);
}

} // namespace

// throw_in(place text): makes a callback of that kind throw: the timer at once, the others when their time
// comes.
SQL_FUNCTION(sessionctl_test_throw_in)
{
    return pg::entry([&]() -> Datum {
        shared(); // a callback must not be the first to look for it
        throw_in(text_argument(fcinfo, 0));
        PG_RETURN_VOID();
    });
}

// swallowed(): how many exceptions callbacks have swallowed, in all sessions, since it was last asked.
SQL_FUNCTION(sessionctl_test_swallowed)
{
    return pg::entry([&]() -> Datum { PG_RETURN_INT32(shared().swallowed.exchange(0)); });
}

} // namespace sessionctl::test
