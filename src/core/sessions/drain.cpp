#include "core/sessions/drain.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

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
                target.reason = open.asked.reason(target.session);
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

void drain_all(Plan& plan, Timestamp deadline, bool waits, Server& server, DrainRequester& requester,
               ResultObserver& observer) {
    Drain drain(plan, server, requester, observer);
    drain.ask();
    drain.run(deadline, waits);
    drain.give_up(waits);
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
