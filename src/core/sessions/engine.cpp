#include "core/sessions/engine.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr char awaited_standby[] =
    "waited for a synchronous standby: its transaction may be committed locally";

constexpr char untracked[] = "track_activities is off: whether it runs a statement is not known";

bool has_stopped(const Session& chosen, const Sight& sight, Server&) noexcept {
    return !sight.present || !is_active(sight.state) || sight.query_start != chosen.query_start;
}

} // namespace

bool runs_chosen_statement(const Session& chosen, const Sight& sight) noexcept {
    return sight.listed && is_active(chosen.state) && is_active(sight.state) &&
           sight.query_start == chosen.query_start;
}

bool is_at_work(const Session& chosen, const Sight& sight) noexcept {
    const bool is_in_transaction =
        is_idle_in_transaction(sight.state) || (sight.is_in_transaction && !is_active(sight.state));
    if (!sight.listed || !is_in_transaction)
        return runs_chosen_statement(chosen, sight);
    // An aborted transaction has lost its start.
    return sight.xact_start == 0 || chosen.xact_start == 0 || sight.xact_start == chosen.xact_start;
}

bool is_gone(const Session&, const Sight& sight, Server&) noexcept {
    return !sight.present;
}

bool blocks_while_idle(const Session& session, const Sight& sight, Server& server) {
    if (!sight.listed || sight.state != State::idle || !server.blocks_others(session, sight.state_change))
        return false;
    // Not what a transaction holds that began between the two looks.
    const Sight now = server.look(session);
    return now.listed && now.state == State::idle && now.state_change == sight.state_change;
}

namespace {

/// In one transaction all the time, or in none. Who hides what he does may have moved.
bool has_stayed(const Session& chosen, const Sight& sight) noexcept {
    return sight.state != State::disabled && sight.xact_start == chosen.xact_start &&
           (sight.xact_start != 0 || sight.state_change == chosen.state_change);
}

} // namespace

Outcome verdict(Recheck recheck, const Session& chosen, const Sight& sight) noexcept {
    if (!sight.listed)
        return Outcome::already_gone;
    switch (recheck) {
    case Recheck::identity:
        return Outcome::chosen;
    case Recheck::statement:
    case Recheck::wait:
        if (!is_active(chosen.state) || !is_active(sight.state))
            return Outcome::not_running;
        return sight.query_start == chosen.query_start ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::idleness:
        return is_idle(sight.state) && !sight.is_streaming && sight.state == chosen.state &&
                       sight.state_change == chosen.state_change && sight.xact_start == chosen.xact_start
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    case Recheck::transaction:
        return sight.xact_start == chosen.xact_start ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::finding:
        return has_stayed(chosen, sight) ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::work:
        return is_at_work(chosen, sight) ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::no_transaction:
        if (is_background(chosen.kind))
            return sight.is_in_transaction ? Outcome::no_longer_matches : Outcome::chosen;
        // The transactions of one that streams are its own affair: it decodes those of others in them.
        return chosen.kind == Kind::walsender || sight.is_streaming ||
                       (sight.xact_start == 0 && is_idle(sight.state))
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    }
    return Outcome::no_longer_matches;
}

namespace {

/// What only the lock table tells, after the look at the session; who is to be signalled is looked at again.
Outcome verdict_of_locks(Outcome outcome, Recheck recheck, const Session& session, const Sight& sight,
                         Server& server) {
    if (recheck == Recheck::finding && outcome == Outcome::no_longer_matches && server.finds_again(session))
        return server.look(session).listed ? Outcome::chosen : Outcome::already_gone;
    if (recheck == Recheck::work && outcome == Outcome::no_longer_matches &&
        blocks_while_idle(session, sight, server))
        return Outcome::chosen;
    if (recheck == Recheck::wait && outcome == Outcome::chosen)
        return server.finds_again(session) ? verdict(recheck, session, server.look(session))
                                           : Outcome::no_longer_matches;
    return outcome;
}

} // namespace

void signal_one(Target& target, Action action, Recheck recheck, Server& server) {
    const Holding holding(server, target.session, action);
    if (!holding) {
        target.outcome = Outcome::already_gone;
        return;
    }
    const bool awaits_standby = server.awaits_standby(target.session);
    const bool is_spared = server.spares(target.session); // the look comes last
    target.signalled_at = server.now();
    const Sight sight = server.look(target.session);
    target.outcome = verdict(recheck, target.session, sight);
    target.outcome = verdict_of_locks(target.outcome, recheck, target.session, sight, server);
    if (target.outcome == Outcome::chosen && is_spared)
        target.outcome = Outcome::no_longer_matches;
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

bool has_time(Timestamp deadline, Server& server) {
    server.heed_interrupts();
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

void tell_of(vector<const Target*>& done, Chronicle& chronicle) noexcept {
    for (const Target* const target : done)
        chronicle.has_result(*target);
    done.clear();
}

Timestamp pause_after(Timestamp waited, Timestamp left) noexcept {
    constexpr Timestamp shortest = microseconds_per_millisecond;
    constexpr Timestamp longest = 20 * microseconds_per_millisecond;
    return std::max(std::min({waited / 50, longest, left}), shortest);
}

void watch_all(Plan& plan, Proof is_done, Outcome success, Timestamp deadline, Server& server,
               Chronicle& chronicle) {
    vector<Target*> open;
    for (Target& target : plan)
        if (target.outcome == Outcome::signalled)
            open.push_back(&target);
        else
            chronicle.has_result(target);

    vector<const Target*> done;
    const Timestamp began = server.now();
    for (;;) {
        // The clock is read before the look: what is done at the deadline still counts.
        const Timestamp now = server.now();
        const auto rest = std::remove_if(open.begin(), open.end(), [&](Target* target) {
            server.heed_interrupts();
            if (!is_done(target->session, server.look(target->session), server))
                return false;
            target->outcome = success;
            target->elapsed = server.now() - target->signalled_at;
            done.push_back(target);
            return true;
        });
        open.erase(rest, open.end());
        tell_of(done, chronicle);
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

void prove_all(Plan& plan, Action action, Timestamp deadline, Server& server, Chronicle& chronicle) {
    if (action == Action::cancel)
        watch_all(plan, has_stopped, Outcome::cancelled, deadline, server, chronicle);
    else
        watch_all(plan, is_gone, Outcome::terminated, deadline, server, chronicle);
}

} // namespace sessionctl::core
