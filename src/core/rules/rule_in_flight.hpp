// A rule's action on one session, as a state that each tick moves on. Nothing here waits.
#pragma once

#include "core/rules/rule.hpp"
#include "core/sessions/drain.hpp"
#include "core/sessions/plan.hpp"

namespace sessionctl::core {

/// How a rule acts: taken down when the action begins, so that a change of the rule does not change it.
struct RuleMeans {
    RuleAction action; // drain, cancel, escalate or terminate
    Timestamp step;    // of cancel and of each step of escalate; and the wait for proof after a forced drain
    Timestamp timeout; // of drain and terminate
    bool closes_sockets;
    bool forces;

    explicit RuleMeans(const SessionRule& rule) noexcept;
};

/// cancel: one signal, until the statement has ended or the step is over. terminate: the same until the
/// session is gone or the timeout is over. escalate: cancel, terminate, close the socket, each for a step.
/// drain: it is asked to end after its transaction, and at the timeout terminated if the rule says so. Before
/// each of these it is looked at again: what it does by then has to be what is to be ended.
class RuleInFlight {
  public:
    RuleInFlight(const RuleMeans& means, const Session& session, Timestamp began);

    /// Looks at the session and does what is due. True when it is over: the target's outcome is final then.
    /// `server` has to spare sessions that wait for a synchronous standby, and those that run another
    /// statement than the one that matched. Call it first right after the claim was settled.
    bool move_on(Server& server, DrainRequester& asker);
    /// Will it signal the session, or end it by its request, if it goes on? If not, only the proof is
    /// missing.
    bool may_act_again() const noexcept;
    /// Nothing more is done: it is over at the next move.
    void give_up(Outcome outcome) noexcept;

    const Target& target() const noexcept { return target_; }
    /// Was a signal sent, or the session asked to end? Only then the rule is charged.
    bool has_acted() const noexcept { return has_acted_; }
    /// When the next step is due at the latest; proof may come earlier.
    Timestamp due() const noexcept { return due_; }

  private:
    bool begin(Server& server, DrainRequester& asker);
    bool ask(Server& server, DrainRequester& asker);
    bool signal(Action action, Recheck recheck, Timestamp wait, Server& server);
    bool take(Step step, Server& server);
    bool begin_wait(Timestamp wait, Server& server);
    bool watch(Proof is_done, Outcome success, Server& server);
    bool escalate(Server& server);
    bool drain(Server& server, DrainRequester& asker);
    bool give_up_drain(Server& server);
    bool is_last_step() const noexcept;

    RuleMeans means_;
    Target target_;
    DrainedSession drained_;
    Step step_ = Step::cancel;
    Timestamp due_;
    bool has_begun_ = false;
    bool has_acted_ = false;
    bool is_given_up_ = false;
};

/// What must still be true of a session at the instant of a rule's signal: it runs the statement that
/// matched, or has been idle ever since, or reports as little as it did.
Recheck recheck_of_rule(const Session& matched) noexcept;

} // namespace sessionctl::core
