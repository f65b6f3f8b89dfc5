#include "core/engine.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr char awaited_standby[] =
    "waited for a synchronous standby: its transaction may be committed locally";

constexpr char untracked[] = "track_activities is off: whether it runs a statement is not known";

class Holding {
  public:
    Holding(Server& server, const Session& session, Action action)
        : server_(server), held_(server.hold(session, action)) {}
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

bool is_done(Action action, const Session& chosen, const Sight& sight) noexcept {
    if (!sight.present)
        return true;
    return action == Action::cancel && (!is_active(sight.state) || sight.query_start != chosen.query_start);
}

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
        return is_idle(sight.state) && sight.state == chosen.state &&
                       sight.state_change == chosen.state_change
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    case Recheck::transaction:
        return sight.xact_start == chosen.xact_start ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::no_transaction:
        return sight.xact_start == 0 && (is_idle(sight.state) || chosen.kind == Kind::walsender)
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    }
    return Outcome::no_longer_matches;
}

void signal_one(Target& target, Action action, Recheck recheck, Server& server) {
    const Holding holding(server, target.session, action);
    if (!holding) {
        target.outcome = Outcome::already_gone;
        return;
    }
    const bool awaits_standby = server.awaits_standby(target.session);
    target.signalled_at = server.now();
    const Sight sight = server.look(target.session);
    target.outcome = verdict(recheck, target.session, sight);
    if (target.outcome == Outcome::not_running && sight.state == State::disabled)
        target.reason = untracked;
    if (target.outcome != Outcome::chosen) {
        target.signalled_at = 0;
        return;
    }
    switch (server.send()) {
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

void signal_all(Plan& plan, Action action, Recheck recheck, Server& server) {
    for (Target& target : plan)
        if (target.outcome == Outcome::chosen)
            signal_one(target, action, recheck, server);
}

Timestamp pause_after(Timestamp waited, Timestamp left) noexcept {
    constexpr Timestamp shortest = microseconds_per_millisecond;
    constexpr Timestamp longest = 20 * microseconds_per_millisecond;
    return std::max(std::min({waited / 50, longest, left}), shortest);
}

void prove_all(Plan& plan, Action action, Timestamp deadline, Server& server) {
    vector<Target*> open;
    for (Target& target : plan)
        if (target.outcome == Outcome::signalled)
            open.push_back(&target);

    const Outcome success = action == Action::cancel ? Outcome::cancelled : Outcome::terminated;
    const Timestamp began = server.now();
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
        server.sleep(pause_after(now - began, deadline - now));
    }
    for (Target* target : open) {
        target->outcome = Outcome::still_running;
        target->elapsed = server.now() - target->signalled_at;
    }
}

} // namespace sessionctl::core
