#include "core/sessions/drain.hpp"

#include <algorithm>
#include <utility>

namespace sessionctl::core {

namespace {

/// How long a session that answered will_end may stay idle: an error outside of a transaction disables the
/// timeout that would have ended it.
constexpr Timestamp stalled_after = 2 * microseconds_per_second;

constexpr char unfinished[] = "its transaction goes on";
constexpr char unread_answer[] = "its client has not taken the answer";
constexpr char unknown[] = "track_activities is off: whether it is in a transaction is not known";

bool is_unknown(const Session& session) noexcept {
    return session.state == State::disabled && !is_background(session.kind);
}

class Drain {
  public:
    Drain(Plan& plan, Server& server, DrainRequester& requester, ResultObserver& observer)
        : server_(server), requester_(requester), observer_(observer), began_(server.now()) {
        for (Target& target : plan)
            if (target.outcome == Outcome::chosen)
                pending_.push_back({&target, DrainedSession(began_)});
    }

    /// All are asked before the first is terminated: none begins a transaction while others are looked at.
    void ask() {
        for (const Pending& open : pending_) {
            server_.check_interrupts();
            requester_.ask(open.target->session);
            open.target->signalled_at = began_;
        }
    }

    void run(Timestamp deadline, bool waits) {
        for (;;) {
            // The clock is read before the look: what is done at the deadline still counts.
            const Timestamp now = server_.now();
            const auto rest = std::remove_if(pending_.begin(), pending_.end(), [&](Pending& open) {
                is_over_ = is_over_ || !has_time(deadline, server_);
                if (!open.asked.settle(*open.target, !is_over_, server_, requester_))
                    return false;
                done_.push_back(open.target);
                return true;
            });
            pending_.erase(rest, pending_.end());
            report_results(done_, observer_);
            if (pending_.empty() || now >= deadline || !waits)
                return;
            server_.sleep(pause_after(now - began_, deadline - now));
        }
    }

    void give_up(bool has_waited) noexcept {
        for (const Pending& open : pending_) {
            Target& target = *open.target;
            if (target.outcome == Outcome::signalled && !has_waited)
                continue;
            const bool has_left = was_ended(target, requester_);
            if (!has_left)
                target.reason = is_unknown(target.session) ? unknown : open.asked.reason();
            const bool is_not_reached = !has_left && target.reason == nullptr;
            target.outcome = is_not_reached ? Outcome::not_reached : Outcome::still_running;
            target.elapsed = server_.now() - began_;
        }
    }

  private:
    struct Pending {
        Target* target;
        DrainedSession asked;
    };

    Server& server_;
    DrainRequester& requester_;
    ResultObserver& observer_;
    const Timestamp began_;
    vector<Pending> pending_;
    vector<const Target*> done_; // in this look
    bool is_over_ = false;       // the time for signals
};

} // namespace

bool was_ended(const Target& target, DrainRequester& requester) noexcept {
    return target.outcome == Outcome::signalled || requester.answer_of(target.session) == DrainAnswer::ends;
}

bool DrainedSession::settle(Target& target, bool may_signal, Server& server, DrainRequester& requester) {
    const Observation observed = server.look(target.session);
    if (!observed.present) {
        target.outcome = was_ended(target, requester) ? Outcome::terminated : Outcome::already_gone;
        target.elapsed = server.now() - at_;
        return true;
    }
    if (was_ended(target, requester))
        return false;
    const bool is_finished =
        outcome_of_recheck(Recheck::no_transaction, target.session, observed) == Outcome::chosen;
    const bool has_client = !is_background(target.session.kind);
    const bool was_unread =
        std::exchange(reason_, is_finished && has_client ? unread_answer : unfinished) == unread_answer;
    if (!is_finished || (requester.answer_of(target.session) == DrainAnswer::will_end &&
                         !has_stalled(observed, server.now())))
        return false;
    if (!may_signal) {
        if (!was_unread)
            reason_ = nullptr;
        return false;
    }
    signal_one(target, Action::terminate, Recheck::no_transaction, server);
    if (target.outcome == Outcome::denied)
        return true;
    target.signalled_at = at_;
    if (target.outcome != Outcome::signalled)
        target.outcome = Outcome::chosen; // it changed at the last moment, or is gone: see the next look
    return false;
}

bool DrainedSession::has_stalled(const Observation& observed, Timestamp now) noexcept {
    if (state_change_ != observed.state_change) {
        state_change_ = observed.state_change;
        idle_since_ = now;
    }
    return now - idle_since_ >= stalled_after;
}

void drain_all(Plan& plan, Timestamp deadline, bool waits, Server& server, DrainRequester& requester,
               ResultObserver& observer) {
    Drain drain(plan, server, requester, observer);
    drain.ask();
    drain.run(deadline, waits);
    drain.give_up(waits);
}

bool is_unfinished(const Target& target) noexcept {
    return target.outcome == Outcome::still_running &&
           (target.reason == unfinished || target.reason == unread_answer || target.reason == unknown);
}

void force_rest(Plan& plan, Timestamp deadline, Server& server) {
    for (Target& target : plan) {
        if (target.outcome != Outcome::still_running && target.outcome != Outcome::not_reached)
            continue;
        target.is_forced = is_unfinished(target);
        target.outcome = Outcome::chosen;
    }
    signal_all(plan, Action::terminate, Recheck::identity, deadline, server);
}

} // namespace sessionctl::core
