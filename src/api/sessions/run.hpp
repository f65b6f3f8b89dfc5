// One call, from the condition to the proof. All functions that count, show, cancel or end sessions use it.
#pragma once

#include "core/sessions/options.hpp"
#include "core/sessions/signal_and_prove.hpp"
#include "pg/condition/condition.hpp"
#include "pg/sessions/roster.hpp"

namespace sessionctl::api {

/// What is done repeatedly while a call waits for sessions to end.
class PeriodicTask {
  public:
    virtual void run() = 0;

  protected:
    ~PeriodicTask() = default;
};

/// Finds values for the condition after the roster was read: a process ID in them then belongs to a session
/// on the roster, or to none that is acted on.
class SessionSelector {
  public:
    virtual void find(const pg::Roster& roster) = 0;
    /// Whether it would be selected now.
    virtual bool still_selects(const core::Session& session, const pg::Roster& roster) = 0;

  protected:
    ~SessionSelector() = default;
};

struct Request {
    core::Action action = core::Action::count;
    core::Recheck recheck = core::Recheck::identity;
    pg::Condition condition = {};
    core::Guards guards;
    bool offers_inclusion = false; // whether the caller can set include_superusers and the like
    std::int64_t timeout = 0;      // ms; 0 = signal and return; of an escalation: of each step
    bool closes_sockets = false;
    bool force = false; // for a drain: terminate what does not finish in time
    const char* reason = nullptr;
    std::int64_t cooldown = 0; // ms, for those it ends; 0: none
    PeriodicTask* meanwhile = nullptr;
    SessionSelector* selector = nullptr;
};

struct Result {
    pg::Roster roster;
    core::Plan plan;
};

/// Errors: the condition's own, 54000 (refuse_above). Tells the caller in a NOTICE what was matched but not
/// counted, in a WARNING what did not end. Needs a scratch memory around it.
Result run(const Request& request);

/// One typed value, for $1.
struct Value {
    Oid type;
    Datum datum;
};
Value oid_value(Oid oid) noexcept;

/// Runs with a condition that has this one value. As run().
Result run_for(Request& request, const char* condition, Value value);

/// Ends the sessions that a condition with this one value selects, as the request says. Returns how many were
/// ended.
std::int64_t terminate(Request& request, const char* condition, Value value);

} // namespace sessionctl::api
