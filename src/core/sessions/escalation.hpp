// Escalation for sessions that do not end: cancel, terminate, close the client's connection. All sessions
// take each step together; one that obeys a step takes no later one.
#pragma once

#include "core/sessions/signal_and_prove.hpp"

namespace sessionctl::core {

struct EscalationOptions {
    Timestamp step; // microseconds that each step waits at most, for all sessions together
    bool closes_sockets;
    Timestamp time_left; // microseconds; no further step is taken when they are over
};

/// Takes one step on a target that is `chosen`. Its outcome is `signalled` if the step was taken, and still
/// `chosen` if it is the next step's turn.
void take_step(Target& target, Step step, Server& server);
/// Has a session obeyed the step that was taken? Then its outcome is outcome_of_step().
Proof proof_of_step(Step step) noexcept;
Outcome outcome_of_step(Step step) noexcept;
/// After a step: what it led to. Who did not obey it in time (`still running`) is `chosen` for the next one.
void end_step(Target& target, Step step, Server& server);

/// Is told of each step, too, when it is over and its results are in the plan.
class StepObserver : public ResultObserver {
  public:
    virtual void step_is_over(Step step) noexcept = 0;

  protected:
    ~StepObserver() = default;
};

/// Applies the steps to every chosen target. A step is over as soon as all have obeyed it.
///
/// A session that runs no statement is not cancelled. If it is idle in a transaction, or blocks others while
/// idle outside of one, it waits for the second step; else it is left alone (`not running`). After a cancel a
/// session has obeyed (`cancelled`) and stays if it is idle outside of a transaction and blocks nobody, or
/// works on something else.
void escalate(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer);

} // namespace sessionctl::core
