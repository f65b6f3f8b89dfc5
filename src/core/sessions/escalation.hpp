// The options for sessions that do not go: cancel, terminate, close the client's connection. All climb it
// side by side, and who obeys a step sees no later one.
#pragma once

#include "core/sessions/engine.hpp"

namespace sessionctl::core {

struct EscalationOptions {
    Timestamp step; // microseconds that each step waits at most, for all sessions together
    bool closes_sockets;
    Timestamp time_left; // microseconds; no further step is taken when they are over
};

/// Hears of each step, too, when it is over and what it led to stands in the plan.
class StepObserver : public ResultObserver {
  public:
    virtual void step_is_over(Step step) noexcept = 0;

  protected:
    ~StepObserver() = default;
};

/// Takes every chosen target up the options. A step is over as soon as everybody has obeyed it.
///
/// Who runs no statement has nothing to be cancelled: idle in a transaction it waits for the second step,
/// and so does who blocks others while it is idle outside of one; otherwise it is in nobody's way and is left
/// alone (`not running`). After a cancel, who is idle outside of a transaction and blocks nobody, or is at
/// work on something else, has obeyed (`cancelled`) and stays.
void escalate(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer);

} // namespace sessionctl::core
