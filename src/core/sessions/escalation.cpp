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

/// A target whose turn it is at the next step is `chosen`.
class Escalation {
  public:
    Escalation(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer);

    void run();

  private:
    using Act = void (Escalation::*)(Target& target);

    void run_step(Step step, Act act, Proof is_done, Outcome success);
    void cancel(Target& target);
    void terminate(Target& target);
    void close_socket(Target& target);
    void note(Target& target, Step step) noexcept;
    void mark_not_reached(Target& target) noexcept;
    void settle(Target& target, Step step);
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
    run_step(Step::cancel, &Escalation::cancel, has_obeyed, Outcome::cancelled);
    if (has_time())
        run_step(Step::terminate, &Escalation::terminate, is_gone, Outcome::terminated);
    if (options_.closes_sockets && has_time())
        run_step(Step::close_socket, &Escalation::close_socket, is_gone, Outcome::terminated);
    finish();
}

void Escalation::run_step(Step step, Act act, Proof is_done, Outcome success) {
    const Timestamp deadline =
        server_.now() + std::min(options_.step, std::max<Timestamp>(end_ - server_.now(), 0));
    for (Target& target : plan_) {
        if (target.outcome != Outcome::chosen)
            continue;
        if (core::has_time(deadline, server_))
            (this->*act)(target);
        else
            mark_not_reached(target);
    }
    watch_all(plan_, is_done, success, deadline, server_, observer_);
    for (Target& target : plan_)
        settle(target, step);
    observer_.step_is_over(step);
}

void Escalation::cancel(Target& target) {
    signal_one(target, Action::cancel, Recheck::statement, server_);
    note(target, Step::cancel);
    if (target.outcome != Outcome::not_running)
        return;
    const Observation observed = server_.look(target.session);
    if (!observed.listed)
        target.outcome = Outcome::already_gone;
    else if (needs_next_step(target.session, observed, server_))
        target.outcome = Outcome::chosen;
    else if (is_active(observed.state))
        target.outcome = Outcome::no_longer_matches;
}

void Escalation::terminate(Target& target) {
    signal_one(target, Action::terminate, Recheck::work, server_);
    note(target, Step::terminate);
    EscalationStep& cancelled = target.step(Step::cancel);
    const bool has_moved_on =
        target.outcome == Outcome::no_longer_matches || target.outcome == Outcome::already_gone;
    if (cancelled.at != 0 && has_moved_on)
        target.outcome = cancelled.outcome = Outcome::cancelled; // at the last moment
}

void Escalation::close_socket(Target& target) {
    target.outcome = Outcome::signalled; // also where it is gone meanwhile
    const PinnedProcess pinned(server_, target.session, Action::close_socket);
    if (!pinned || !server_.look(target.session).listed)
        return;
    const Timestamp at = server_.now();
    const Closing closing = server_.close_socket();
    if (closing.reason != nullptr)
        target.reason = closing.reason;
    switch (closing.result) {
    case Closing::Result::closed:
        target.step(Step::close_socket).at = at;
        break;
    case Closing::Result::gone:
        break;
    case Closing::Result::not_found:
        if (server_.look(target.session).listed)
            target.outcome = Outcome::still_running;
        break;
    case Closing::Result::denied:
        target.step(Step::close_socket) = {at, Outcome::not_permitted};
        target.outcome = Outcome::not_permitted;
        break;
    }
}

/// Elapsed time counts from the first step.
void Escalation::note(Target& target, Step step) noexcept {
    if (target.outcome == Outcome::signalled || target.outcome == Outcome::denied)
        target.step(step).at = target.signalled_at;
    const Timestamp cancelled_at = target.step(Step::cancel).at;
    if (cancelled_at != 0)
        target.signalled_at = cancelled_at;
}

/// A session that missed a step does not take the next one.
void Escalation::mark_not_reached(Target& target) noexcept {
    const bool was_acted_on = target.signalled_at != 0;
    target.outcome = was_acted_on ? Outcome::still_running : Outcome::not_reached;
    if (was_acted_on)
        target.reason = not_its_turn;
}

void Escalation::settle(Target& target, Step step) {
    EscalationStep& taken = target.step(step);
    if (taken.at == 0 || taken.outcome != Outcome::chosen)
        return;
    taken.outcome = target.outcome;
    if (target.outcome != Outcome::still_running)
        return;
    target.outcome = Outcome::chosen;
    if (step == Step::cancel && !runs_chosen_statement(target.session, server_.look(target.session)))
        taken.outcome = Outcome::cancelled; // but it is idle in its transaction, or blocks others
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

void escalate(Plan& plan, const EscalationOptions& options, Server& server, StepObserver& observer) {
    Escalation(plan, options, server, observer).run();
}

} // namespace sessionctl::core
