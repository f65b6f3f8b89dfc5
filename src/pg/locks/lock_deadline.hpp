// A login waits for its database's lock without a timeout as long as a session holds it. So the holder
// releases it in time, whatever else its statement does, and whether or not that catches errors.
#pragma once

namespace sessionctl::pg {

/// How long the lock is held, including the commit.
constexpr int longest_hold = 2000; // ms

/// The current (sub)transaction now holds the lock. At the deadline its statement is cancelled; half a second
/// later its session is terminated, or during commit cancelled again: then it waits for no standby any more,
/// as core tells the client. Code that checks for no interrupts is not stopped.
void start_lock_deadline();

/// Does this transaction hold a lock with a deadline?
bool has_lock_deadline() noexcept;

} // namespace sessionctl::pg
