#include "core/sessions/signal_and_prove.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr char awaited_standby[] =
    "waited for a synchronous standby: its transaction may be committed locally";

constexpr char untracked[] = "track_activities is off: whether it runs a statement is not known";

} // namespace

bool is_gone(const Session&, const Observation& observed, Server&) noexcept {
    return !observed.present;
}

bool has_stopped(const Session& chosen, const Observation& observed, Server&) noexcept {
    return !observed.present || !is_active(observed.state) || observed.query_start != chosen.query_start;
}

bool blocks_while_idle(const Session& session, const Observation& observed, Server& server) {
    if (!observed.listed || observed.state != State::idle || !server.blocks_others(session))
        return false;
    // The lock may be of a transaction that began between the two looks.
    const Observation now = server.look(session);
    return now.listed && now.state == State::idle && now.state_change == observed.state_change;
}

namespace {

/// What only the lock table shows, after the look at the session; a session to be signalled is looked at
/// again.
Outcome recheck_locks(Outcome outcome, Recheck recheck, const Session& session, const Observation& observed,
                      Server& server) {
    if (recheck == Recheck::selection && outcome == Outcome::no_longer_matches &&
        server.still_selects(session))
        return server.look(session).listed ? Outcome::chosen : Outcome::already_gone;
    if (recheck == Recheck::work && outcome == Outcome::no_longer_matches &&
        blocks_while_idle(session, observed, server))
        return Outcome::chosen;
    if (recheck == Recheck::wait && outcome == Outcome::chosen)
        return server.still_selects(session) ? outcome_of_recheck(recheck, session, server.look(session))
                                             : Outcome::no_longer_matches;
    return outcome;
}

} // namespace

void signal_one(Target& target, Action action, Recheck recheck, Server& server) {
    const PinnedProcess pinned(server, target.session, action);
    if (!pinned) {
        target.outcome = Outcome::already_gone;
        return;
    }
    const bool awaits_standby = server.awaits_standby(target.session);
    const bool is_spared = server.spares(target.session); // the look comes last
    target.signalled_at = server.now();
    const Observation observed = server.look(target.session);
    target.outcome = outcome_of_recheck(recheck, target.session, observed);
    target.outcome = recheck_locks(target.outcome, recheck, target.session, observed, server);
    if (target.outcome == Outcome::chosen && is_spared)
        target.outcome = Outcome::no_longer_matches;
    if (target.outcome == Outcome::not_running && observed.state == State::disabled)
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
    case Delivery::changed:
        target.outcome = Outcome::no_longer_matches;
        break;
    case Delivery::denied:
        target.outcome = Outcome::denied;
        target.reason = "the operating system refused the signal";
        break;
    }
}

bool has_time(Timestamp deadline, Server& server) {
    server.check_interrupts();
    return server.now() < deadline;
}

void signal_all(Plan& plan, Action action, Recheck recheck, Timestamp deadline, Server& server) {
    for (Target& target : plan) {
        if (target.outcome != Outcome::chosen)
            continue;
        if (has_time(deadline, server))
            signal_one(target, action, recheck, server);
        else
            target.outcome = Outcome::not_reached;
    }
}

void report_results(vector<const Target*>& done, ResultObserver& observer) noexcept {
    for (const Target* const target : done)
        observer.has_result(*target);
    done.clear();
}

Timestamp pause_after(Timestamp waited, Timestamp left) noexcept {
    constexpr Timestamp shortest = microseconds_per_millisecond;
    constexpr Timestamp longest = 20 * microseconds_per_millisecond;
    return std::max(std::min({waited / 50, longest, left}), shortest);
}

void watch_all(Plan& plan, Proof is_done, Outcome success, Timestamp deadline, Server& server,
               ResultObserver& observer) {
    vector<Target*> open;
    for (Target& target : plan)
        if (target.outcome == Outcome::signalled)
            open.push_back(&target);
        else
            observer.has_result(target);

    vector<const Target*> done;
    const Timestamp began = server.now();
    for (;;) {
        // The clock is read before the look: what is done at the deadline still counts.
        const Timestamp now = server.now();
        const auto rest = std::remove_if(open.begin(), open.end(), [&](Target* target) {
            server.check_interrupts();
            if (!is_done(target->session, server.look(target->session), server))
                return false;
            target->outcome = success;
            target->elapsed = server.now() - target->signalled_at;
            done.push_back(target);
            return true;
        });
        open.erase(rest, open.end());
        report_results(done, observer);
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

void prove_all(Plan& plan, Action action, Timestamp deadline, Server& server, ResultObserver& observer) {
    if (action == Action::cancel)
        watch_all(plan, has_stopped, Outcome::cancelled, deadline, server, observer);
    else
        watch_all(plan, is_gone, Outcome::terminated, deadline, server, observer);
}

} // namespace sessionctl::core
