#include "core/engine.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr char awaited_standby[] =
    "waited for a synchronous standby: its transaction may be committed locally";

constexpr char untracked[] = "track_activities is off: whether it runs a statement is not known";

class Holding {
  public:
    Holding(Server& server, std::int32_t pid) : server_(server), held_(server.hold(pid)) {}
    ~Holding() {
        if (held_)
            server_.release();
    }
    Holding(const Holding&) = delete;
    Holding& operator=(const Holding&) = delete;
    explicit operator bool() const noexcept { return held_; }

  private:
    Server& server_;
    const bool held_;
};

void signal_one(Target& target, Action action, Recheck recheck, Server& server) {
    const Holding holding(server, target.session.id.pid);
    if (!holding) {
        target.outcome = Outcome::already_gone;
        return;
    }
    const Sight sight = server.look(target.session);
    target.outcome = verdict(recheck, target.session, sight);
    if (target.outcome == Outcome::not_running && sight.state == State::disabled)
        target.reason = untracked;
    if (target.outcome != Outcome::chosen)
        return;
    const bool awaits_standby = server.awaits_standby(target.session);
    target.signalled_at = server.now();
    switch (server.send(action)) {
    case Delivery::delivered:
        target.outcome = Outcome::signalled;
        target.reason = awaits_standby ? awaited_standby : nullptr;
        break;
    case Delivery::gone:
        target.outcome = Outcome::already_gone;
        break;
    case Delivery::denied:
        target.outcome = Outcome::denied;
        target.reason = "the operating system refused the signal";
        break;
    }
}

bool is_done(Action action, const Session& chosen, const Sight& sight) noexcept {
    if (!sight.present)
        return true;
    return action == Action::cancel && (!is_active(sight.state) || sight.query_start != chosen.query_start);
}

/// Waits of 1 ms, growing by half to 20 ms: quick for few sessions, cheap for a long wait.
class Pause {
  public:
    Timestamp next(Timestamp left) noexcept {
        const Timestamp pause = std::min(length_, left);
        length_ = std::min(length_ + length_ / 2, longest);
        return std::max<Timestamp>(pause, microseconds_per_millisecond);
    }

  private:
    static constexpr Timestamp longest = 20 * microseconds_per_millisecond;
    Timestamp length_ = microseconds_per_millisecond;
};

} // namespace

Outcome verdict(Recheck recheck, const Session& chosen, const Sight& sight) noexcept {
    if (!sight.listed)
        return Outcome::already_gone;
    switch (recheck) {
    case Recheck::identity:
        return Outcome::chosen;
    case Recheck::statement:
        if (!is_active(chosen.state) || !is_active(sight.state))
            return Outcome::not_running;
        return sight.query_start == chosen.query_start ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::idleness:
        return is_idle_in_transaction(sight.state) && sight.state_change == chosen.state_change
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    }
    return Outcome::no_longer_matches;
}

void signal_all(Plan& plan, Action action, Recheck recheck, Server& server) {
    for (Target& target : plan)
        if (target.outcome == Outcome::chosen)
            signal_one(target, action, recheck, server);
}

void prove_all(Plan& plan, Action action, Timestamp deadline, Server& server) {
    vector<Target*> open;
    for (Target& target : plan)
        if (target.outcome == Outcome::signalled)
            open.push_back(&target);

    const Outcome success = action == Action::cancel ? Outcome::cancelled : Outcome::terminated;
    Pause pause;
    for (;;) {
        // The clock is read before the look: what is done at the deadline still counts.
        const Timestamp now = server.now();
        const auto rest = std::remove_if(open.begin(), open.end(), [&](Target* target) {
            if (!is_done(action, target->session, server.look(target->session)))
                return false;
            target->outcome = success;
            target->elapsed = server.now() - target->signalled_at;
            return true;
        });
        open.erase(rest, open.end());
        if (open.empty())
            return;
        if (now >= deadline)
            break;
        server.sleep(pause.next(deadline - now));
    }
    for (Target* target : open) {
        target->outcome = Outcome::still_running;
        target->elapsed = server.now() - target->signalled_at;
    }
}

} // namespace sessionctl::core
