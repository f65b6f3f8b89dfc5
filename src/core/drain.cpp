#include "core/drain.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr char unfinished[] = "its transaction goes on";
constexpr char unknown[] = "track_activities is off: whether it is in a transaction is not known";

class Drain {
  public:
    Drain(Plan& plan, Server& server, Asker& asker) : server_(server), asker_(asker), began_(server.now()) {
        for (Target& target : plan)
            if (target.outcome == Outcome::chosen)
                open_.push_back(&target);
    }

    /// All are asked before the first is ended: none begins a transaction while others are looked at.
    void ask() {
        for (Target* target : open_) {
            asker_.ask(target->session);
            target->signalled_at = began_;
        }
    }

    void run(Timestamp wait) {
        const Timestamp deadline = began_ + wait;
        for (;;) {
            // The clock is read before the look: what is done at the deadline still counts.
            const Timestamp now = server_.now();
            open_.erase(std::remove_if(open_.begin(), open_.end(),
                                       [this](Target* target) { return settle(*target); }),
                        open_.end());
            if (open_.empty() || now >= deadline)
                return;
            server_.sleep(pause_after(now - began_, deadline - now));
        }
    }

    void give_up(bool has_waited) noexcept {
        for (Target* target : open_) {
            if (target->outcome == Outcome::signalled && !has_waited)
                continue;
            if (!was_ended(*target))
                target->reason = target->session.state == State::disabled ? unknown : unfinished;
            target->outcome = Outcome::still_running;
            target->elapsed = server_.now() - began_;
        }
    }

  private:
    /// True when there is nothing left to wait for.
    bool settle(Target& target) {
        const Sight sight = server_.look(target.session);
        if (!sight.present)
            return conclude(target);
        if (target.outcome == Outcome::signalled || asker_.answer_of(target.session) != Answer::none ||
            verdict(Recheck::no_transaction, target.session, sight) != Outcome::chosen)
            return false;
        signal_one(target, Action::terminate, Recheck::no_transaction, server_);
        if (target.outcome == Outcome::denied)
            return true;
        target.signalled_at = began_;
        if (target.outcome != Outcome::signalled)
            target.outcome =
                Outcome::chosen; // it changed at the last moment, or is gone: the next look tells
        return false;
    }

    bool conclude(Target& target) {
        target.outcome = was_ended(target) ? Outcome::terminated : Outcome::already_gone;
        target.elapsed = server_.now() - began_;
        return true;
    }

    /// By this drain. One that left of its own accord was not.
    bool was_ended(const Target& target) const noexcept {
        return target.outcome == Outcome::signalled || asker_.answer_of(target.session) == Answer::does;
    }

    Server& server_;
    Asker& asker_;
    const Timestamp began_;
    vector<Target*> open_;
};

} // namespace

void drain_all(Plan& plan, Timestamp wait, Server& server, Asker& asker) {
    Drain drain(plan, server, asker);
    drain.ask();
    drain.run(wait);
    drain.give_up(wait > 0);
}

bool is_unfinished(const Target& target) noexcept {
    return target.outcome == Outcome::still_running &&
           (target.reason == unfinished || target.reason == unknown);
}

void force_rest(Plan& plan, Server& server) {
    for (Target& target : plan) {
        if (target.outcome != Outcome::still_running)
            continue;
        target.is_forced = is_unfinished(target);
        target.outcome = Outcome::chosen;
    }
    signal_all(plan, Action::terminate, Recheck::identity, server);
}

} // namespace sessionctl::core
