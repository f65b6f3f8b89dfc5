#include "core/rules/rule_in_flight.hpp"

#include "core/sessions/escalation.hpp"

#include <utility>

namespace sessionctl::core {

RuleMeans::RuleMeans(const SessionRule& rule) noexcept
    : action(rule.action), step(rule.step), timeout(rule.timeout), closes_sockets(rule.closes_sockets),
      forces(rule.forces) {}

RuleInFlight::RuleInFlight(const RuleMeans& means, const Session& session, Timestamp began)
    : means_(means), drained_(began), due_(began) {
    target_.session = session;
}

bool RuleInFlight::move_on(Server& server, DrainRequester& asker) {
    if (is_given_up_)
        return true;
    if (!std::exchange(has_begun_, true))
        return begin(server, asker);
    switch (means_.action) {
    case RuleAction::cancel:
        return watch(has_stopped, Outcome::cancelled, server);
    case RuleAction::escalate:
        return escalate(server);
    case RuleAction::drain:
        return drain(server, asker);
    default:
        return watch(is_gone, Outcome::terminated, server);
    }
}

bool RuleInFlight::is_last_step() const noexcept {
    return step_ == Step::close_socket || (step_ == Step::terminate && !means_.closes_sockets);
}

bool RuleInFlight::may_act_again() const noexcept {
    return (means_.action == RuleAction::drain && !target_.is_forced) ||
           (means_.action == RuleAction::escalate && !is_last_step());
}

void RuleInFlight::give_up(Outcome outcome) noexcept {
    target_.outcome = outcome;
    is_given_up_ = true;
}

bool RuleInFlight::begin(Server& server, DrainRequester& asker) {
    switch (means_.action) {
    case RuleAction::cancel:
        return signal(Action::cancel, Recheck::statement, means_.step, server);
    case RuleAction::escalate:
        return take(Step::cancel, server);
    case RuleAction::drain:
        return ask(server, asker);
    default:
        return signal(Action::terminate, recheck_of_rule(target_.session), means_.timeout, server);
    }
}

bool RuleInFlight::ask(Server& server, DrainRequester& asker) {
    const Session& matched = target_.session;
    const Outcome outcome = outcome_of_recheck(recheck_of_rule(matched), matched, server.look(matched));
    if (outcome != Outcome::chosen) {
        target_.outcome = outcome == Outcome::already_gone ? outcome : Outcome::no_longer_matches;
        return true;
    }
    asker.ask(matched);
    target_.signalled_at = server.now();
    has_acted_ = true;
    due_ = target_.signalled_at + means_.timeout;
    return drain(server, asker);
}

/// True, as below, when it is over: the signal was not sent.
bool RuleInFlight::signal(Action action, Recheck recheck, Timestamp wait, Server& server) {
    signal_one(target_, action, recheck, server);
    return !begin_wait(wait, server);
}

/// For the effect, if the signal was sent.
bool RuleInFlight::begin_wait(Timestamp wait, Server& server) {
    if (target_.outcome != Outcome::signalled)
        return false;
    has_acted_ = true;
    due_ = server.now() + wait;
    return true;
}

/// Where nothing runs that a cancel could end, the next step is taken at once.
bool RuleInFlight::take(Step step, Server& server) {
    step_ = step;
    if (has_acted_ || step == Step::cancel) {
        take_step(target_, step, server);
    } else {
        signal_one(target_, Action::terminate, recheck_of_rule(target_.session), server);
        target_.step(step).at = target_.signalled_at;
    }
    if (step == Step::cancel && target_.outcome == Outcome::chosen)
        return take(Step::terminate, server);
    return !begin_wait(means_.step, server);
}

/// Has the signal had its effect?
bool RuleInFlight::watch(Proof is_done, Outcome success, Server& server) {
    const Timestamp now = server.now(); // before the look: what is done at the end still counts
    const bool has_succeeded = is_done(target_.session, server.look(target_.session), server);
    if (!has_succeeded && now < due_)
        return false;
    target_.outcome = has_succeeded ? success : Outcome::still_running;
    target_.elapsed = server.now() - target_.signalled_at;
    return true;
}

bool RuleInFlight::escalate(Server& server) {
    if (!watch(proof_of_step(step_), outcome_of_step(step_), server))
        return false;
    end_step(target_, step_, server);
    if (target_.outcome != Outcome::chosen)
        return true;
    if (!is_last_step())
        return take(step_ == Step::cancel ? Step::terminate : Step::close_socket, server);
    target_.outcome = Outcome::still_running;
    return true;
}

bool RuleInFlight::drain(Server& server, DrainRequester& asker) {
    if (target_.is_forced)
        return watch(is_gone, Outcome::terminated, server);
    const Timestamp now = server.now();
    if (drained_.settle(target_, true, server, asker))
        return true;
    return now >= due_ && give_up_drain(server);
}

/// Who waits for a synchronous standby, or is in another transaction by now, is spared even now, for one step
/// more.
bool RuleInFlight::give_up_drain(Server& server) {
    const Timestamp last = due_ + means_.step;
    if (means_.forces) {
        const Timestamp asked_at = target_.signalled_at;
        signal_one(target_, Action::terminate, Recheck::no_other_transaction, server);
        target_.signalled_at = asked_at; // since then it has taken its time
        target_.is_forced = begin_wait(means_.step, server);
        if (target_.is_forced || (target_.outcome == Outcome::no_longer_matches && server.now() < last))
            return false;
        if (target_.outcome != Outcome::no_longer_matches)
            return true;
    }
    target_.outcome = Outcome::still_running;
    target_.reason = drained_.reason(target_.session);
    target_.elapsed = server.now() - target_.signalled_at;
    return true;
}

Recheck recheck_of_rule(const Session& matched) noexcept {
    if (is_active(matched.state))
        return Recheck::statement;
    return is_idle(matched.state) ? Recheck::idleness : Recheck::state;
}

} // namespace sessionctl::core
