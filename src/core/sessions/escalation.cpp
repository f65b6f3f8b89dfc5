#include "core/sessions/escalation.hpp"

#include <algorithm>
#include <limits>

namespace sessionctl::core {

namespace {

constexpr char no_time_left[] = "the statement's own timeout left no time for the next step";
constexpr char not_its_turn[] = "the time of the next step was over before its turn";

/// Does it still run what was chosen, or block others?
bool needs_next_step(const Session& chosen, const Observation& observed, Server& server) {
    return is_at_work(chosen, observed) || blocks_while_idle(chosen, observed, server);
}

/// After a cancel; a session has until the deadline to leave its transaction, and to release what it holds
/// outside of one.
bool has_obeyed(const Session& chosen, const Observation& observed, Server& server) {
    return !observed.present || (observed.listed && !needs_next_step(chosen, observed, server));
}

/// Elapsed time counts from the first step.
void note(Target& target, Step step) noexcept {
    if (target.outcome == Outcome::signalled || target.outcome == Outcome::denied)
        target.step(step).at = target.signalled_at;
    const Timestamp cancelled_at = target.step(Step::cancel).at;
    if (cancelled_at != 0)
        target.signalled_at = cancelled_at;
}

void cancel(Target& target, Server& server) {
    signal_one(target, Action::cancel, Recheck::statement, server);
    note(target, Step::cancel);
    if (target.outcome != Outcome::not_running)
        return;
    const Observation observed = server.look(target.session);
    if (!observed.listed)
        target.outcome = Outcome::already_gone;
    else if (needs_next_step(target.session, observed, server))
        target.outcome = Outcome::chosen;
    else if (is_active(observed.state))
        target.outcome = Outcome::no_longer_matches;
}

void terminate(Target& target, Server& server) {
    signal_one(target, Action::terminate, Recheck::work, server);
    note(target, Step::terminate);
    EscalationStep& cancelled = target.step(Step::cancel);
    const bool has_moved_on =
        target.outcome == Outcome::no_longer_matches || target.outcome == Outcome::already_gone;
    if (cancelled.at != 0 && has_moved_on)
        target.outcome = cancelled.outcome = Outcome::cancelled; // at the last moment
}

void close_socket(Target& target, Server& server) {
    target.outcome = Outcome::signalled; // also where it is gone meanwhile, or ends by itself
    const PinnedProcess holding(server, target.session, Action::close_socket);
    if (!holding || !needs_next_step(target.session, server.look(target.session), server))
        return;
    const Timestamp at = server.now();
    const Closing closing = server.close_socket();
    if (closing.reason != nullptr)
        target.reason = closing.reason;
    switch (closing.result) {
    case Closing::Result::closed:
        target.step(Step::close_socket).at = at;
        break;
    case Closing::Result::gone:
        break;
    case Closing::Result::not_found:
        if (server.look(target.session).listed)
            target.outcome = Outcome::still_running;
        break;
    case Closing::Result::denied:
        target.step(Step::close_socket) = {at, Outcome::not_permitted};
        target.outcome = Outcome::not_permitted;
        break;
    }
}

/// A target whose turn it is at the next step is `chosen`.
class Escalation {
  public:
    Escalation(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer);

    void run();

  private:
    void run_step(Step step);
    void mark_not_reached(Target& target) noexcept;
    bool has_time();
    void finish();

    Plan& plan_;
    const EscalationOptions& options_;
    Server& server_;
    StepObserver& observer_;
    const Timestamp end_;
};

Escalation::Escalation(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer)
    : plan_(plan), options_(options), server_(server), observer_(observer),
      end_(server.now() + std::min(options.time_left, std::numeric_limits<Timestamp>::max() - server.now())) {
}

void Escalation::run() {
    run_step(Step::cancel);
    if (has_time())
        run_step(Step::terminate);
    if (options_.closes_sockets && has_time())
        run_step(Step::close_socket);
    finish();
}

void Escalation::run_step(Step step) {
    const Timestamp deadline =
        server_.now() + std::min(options_.step, std::max<Timestamp>(end_ - server_.now(), 0));
    for (Target& target : plan_) {
        if (target.outcome != Outcome::chosen)
            continue;
        if (core::has_time(deadline, server_))
            take_step(target, step, server_);
        else
            mark_not_reached(target);
    }
    watch_all(plan_, proof_of_step(step), outcome_of_step(step), deadline, server_, observer_);
    for (Target& target : plan_)
        end_step(target, step, server_);
    observer_.step_is_over(step);
}

/// A session that missed a step does not take the next one.
void Escalation::mark_not_reached(Target& target) noexcept {
    const bool was_acted_on = target.signalled_at != 0;
    target.outcome = was_acted_on ? Outcome::still_running : Outcome::not_reached;
    if (was_acted_on)
        target.reason = not_its_turn;
}

bool Escalation::has_time() {
    if (server_.now() < end_)
        return true;
    for (Target& target : plan_)
        if (target.outcome == Outcome::chosen)
            target.reason = no_time_left;
    return false;
}

void Escalation::finish() {
    for (Target& target : plan_) {
        if (target.outcome == Outcome::chosen)
            target.outcome = Outcome::still_running;
        const bool is_there =
            target.outcome == Outcome::still_running || target.outcome == Outcome::not_permitted;
        if (is_there && target.signalled_at != 0)
            target.elapsed = server_.now() - target.signalled_at;
    }
}

} // namespace

void take_step(Target& target, Step step, Server& server) {
    switch (step) {
    case Step::cancel:
        return cancel(target, server);
    case Step::terminate:
        return terminate(target, server);
    case Step::close_socket:
        return close_socket(target, server);
    }
}

Proof proof_of_step(Step step) noexcept {
    return step == Step::cancel ? has_obeyed : is_gone;
}

Outcome outcome_of_step(Step step) noexcept {
    return step == Step::cancel ? Outcome::cancelled : Outcome::terminated;
}

void end_step(Target& target, Step step, Server& server) {
    EscalationStep& taken = target.step(step);
    if (taken.at == 0 || taken.outcome != Outcome::chosen)
        return;
    taken.outcome = target.outcome;
    if (target.outcome != Outcome::still_running)
        return;
    target.outcome = Outcome::chosen;
    if (step == Step::cancel && !runs_chosen_statement(target.session, server.look(target.session)))
        taken.outcome = Outcome::cancelled; // but it is idle in its transaction, or blocks others
}

void escalate(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer) {
    Escalation(plan, options, server, observer).run();
}

} // namespace sessionctl::core
