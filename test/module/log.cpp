// A server log that is slow to write to.
#include "module.hpp"

#include <ctime>

namespace sessionctl::test {

namespace {

emit_log_hook_type previous_hook = nullptr;
bool is_hooked = false;
long delay = 0; // ms

extern "C" void sessionctl_test_delay_log(ErrorData* error) {
    if (previous_hook != nullptr)
        previous_hook(error);
    if (error->elevel != compat::log_server_only)
        return;
    const timespec time = {delay / 1000, delay % 1000 * 1000 * 1000};
    nanosleep(&time, nullptr);
}

} // namespace

// slow_log(milliseconds integer): each message that only the log gets takes so long, in this session.
SQL_FUNCTION(sessionctl_test_slow_log)
{
    delay = PG_GETARG_INT32(0);
    if (!std::exchange(is_hooked, true))
        previous_hook = std::exchange(emit_log_hook, sessionctl_test_delay_log);
    PG_RETURN_VOID();
}

} // namespace sessionctl::test
