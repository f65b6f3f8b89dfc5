// A login waits for the lock on its database for as long as somebody has it: no timeout ends that. So who
// takes it gives it back in time, whatever else the statement does that took it, and whether it catches
// errors or not.
#pragma once

namespace sessionctl::pg {

/// How long the lock is held, with the commit.
constexpr int longest_hold = 2000; // ms

/// The current (sub)transaction has the lock from now on. Where it has not given it back in time the
/// statement is cancelled; half a second later the session is ended, or where it is committing, cancelled
/// again: then it waits for no standby any more, and core tells the client so. Code that takes no interrupts
/// takes neither.
void start_lock_deadline();

/// Does this transaction have a lock with a deadline?
bool has_lock_deadline() noexcept;

} // namespace sessionctl::pg
