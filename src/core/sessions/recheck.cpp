#include "core/sessions/recheck.hpp"

namespace sessionctl::core {

namespace {

/// In the same transaction all the time, or in none. With track_activities off that is not known.
bool has_stayed(const Session& chosen, const Observation& observed) noexcept {
    return observed.state != State::disabled && observed.xact_start == chosen.xact_start &&
           (observed.xact_start != 0 || observed.state_change == chosen.state_change);
}

/// A procedure that commits goes on in another one. Judged without its state, which an observation of a
/// session that was asked to end may withhold.
bool is_in_another_transaction(const Session& chosen, const Observation& observed) noexcept {
    const bool has_same_statement = observed.query_start != 0 && observed.query_start == chosen.query_start;
    return observed.xact_start != 0 && observed.xact_start != chosen.xact_start && !has_same_statement;
}

/// Calls by the fast path do not tell when they began.
bool is_same_statement(const Session& chosen, const Observation& observed) noexcept {
    return observed.query_start == chosen.query_start &&
           ((chosen.state != State::fastpath && observed.state != State::fastpath) ||
            observed.state_change == chosen.state_change);
}

} // namespace

bool runs_chosen_statement(const Session& chosen, const Observation& observed) noexcept {
    return observed.listed && is_active(chosen.state) && is_active(observed.state) &&
           is_same_statement(chosen, observed);
}

bool is_at_work(const Session& chosen, const Observation& observed) noexcept {
    const bool is_in_transaction =
        is_idle_in_transaction(observed.state) || (observed.is_in_transaction && !is_active(observed.state));
    if (!observed.listed || !is_in_transaction)
        return runs_chosen_statement(chosen, observed);
    // An aborted transaction has lost its start.
    return observed.xact_start == 0 || chosen.xact_start == 0 || observed.xact_start == chosen.xact_start;
}

Outcome outcome_of_recheck(Recheck recheck, const Session& chosen, const Observation& observed) noexcept {
    if (!observed.listed)
        return Outcome::already_gone;
    switch (recheck) {
    case Recheck::identity:
        return Outcome::chosen;
    case Recheck::statement:
    case Recheck::wait:
        if (!is_active(chosen.state) || !is_active(observed.state))
            return Outcome::not_running;
        return is_same_statement(chosen, observed) ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::idleness:
        return is_idle(observed.state) && !observed.is_streaming && observed.state == chosen.state &&
                       observed.state_change == chosen.state_change &&
                       observed.xact_start == chosen.xact_start
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    case Recheck::transaction:
        return observed.xact_start == chosen.xact_start ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::state:
        return observed.state == chosen.state && observed.state_change == chosen.state_change &&
                       observed.query_start == chosen.query_start
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    case Recheck::selection:
        return has_stayed(chosen, observed) ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::work:
        return is_at_work(chosen, observed) ? Outcome::chosen : Outcome::no_longer_matches;
    case Recheck::no_transaction:
        if (is_background(chosen.kind))
            return observed.is_in_transaction ? Outcome::no_longer_matches : Outcome::chosen;
        // A streaming walsender uses transactions only to decode those of others.
        return chosen.kind == Kind::walsender || observed.is_streaming ||
                       (observed.xact_start == 0 && is_idle(observed.state))
                   ? Outcome::chosen
                   : Outcome::no_longer_matches;
    case Recheck::no_other_transaction:
        return is_in_another_transaction(chosen, observed) ? Outcome::no_longer_matches : Outcome::chosen;
    }
    return Outcome::no_longer_matches;
}

} // namespace sessionctl::core
