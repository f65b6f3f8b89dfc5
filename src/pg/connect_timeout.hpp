// Connecting to another server has to end in time. Up to 15 libpq can enforce a timeout, but ignores a
// cancel; from 16 on dblink waits itself and reacts to a cancel, but has no timeout. After the login it sets
// the client encoding, and there libpq has neither on any version: only closing the connection ends the wait.
#pragma once

#include "pg/subtransaction.hpp"

extern "C" {
#include "utils/timeout.h"
}

namespace sessionctl::pg {

constexpr int connect_timeout = 6000; // ms: after libpq, which words it better where it keeps the time itself

/// Sets libpq's default connect_timeout, unless the server's options or the environment have one.
class LibpqConnectTimeout {
  public:
    LibpqConnectTimeout() noexcept;
    ~LibpqConnectTimeout();
    LibpqConnectTimeout(const LibpqConnectTimeout&) = delete;
    LibpqConnectTimeout& operator=(const LibpqConnectTimeout&) = delete;

  private:
    const bool is_ours_;
};

/// When it fires, it closes the new connection and cancels the statement.
TimeoutId start_connect_timer();

/// Returns whether it has fired; the cancel that it sent is dropped.
bool stop_connect_timer(TimeoutId timer);

/// Runs a function that connects, in a subtransaction. False if it took too long, even if it succeeded.
template <typename Connect>
bool connect_in_time(Connect&& connect) {
    const LibpqConnectTimeout timeout;
    const TimeoutId timer = start_connect_timer();
    try {
        in_subtransaction(connect);
    } catch (...) {
        if (stop_connect_timer(timer))
            return false;
        throw;
    }
    return !stop_connect_timer(timer);
}

} // namespace sessionctl::pg
