// The time that the running statement has, and waits within it.
#pragma once

#include "compat/postgres.hpp"

namespace sessionctl::pg {

/// Called for every session: cheap if nothing is pending and there is nothing to report.
void serve_interrupts();

/// Sleeps, and serves interrupts.
void pause(core::Timestamp microseconds);

/// Is there time until `deadline` (monotonic)? Called before each of many sessions is acted on; serves
/// interrupts.
bool has_time(core::Timestamp deadline);

/// Microseconds until statement_timeout (or transaction_timeout) would end the running statement, less a
/// margin to report the result; the largest number if no such timeout runs.
core::Timestamp time_left_for_statement();
/// This wait (microseconds), limited to the statement's remaining time. Never 0 for a wait: that would be
/// another kind of call.
core::Timestamp within_statement(core::Timestamp wait);

/// From now to the end of a wait (monotonic); without a wait, to the end of the statement's time.
struct Span {
    explicit Span(core::Timestamp wait);

    core::Timestamp deadline;
    bool is_cut_short; // the statement has less time than the wait
};

/// While it lives, statement_timeout does not interrupt the statement: sessions have been signalled, and the
/// caller must learn what became of them. How long the report takes depends on their number and on the load
/// of the machine, so no margin is long enough. The functions above go by the timeout as it was set.
///
/// Only for what ends its waits by itself. A statement that goes on for 30 s longer is cancelled all the
/// same. Once a statement: calls one after the other must not keep it going.
class TimeoutDeferral {
  public:
    TimeoutDeferral();
    /// A timeout that is over by now leaves a second to return the result.
    ~TimeoutDeferral();
    TimeoutDeferral(const TimeoutDeferral&) = delete;
    TimeoutDeferral& operator=(const TimeoutDeferral&) = delete;

  private:
    TimestampTz end_; // 0: nothing is deferred
};

} // namespace sessionctl::pg
