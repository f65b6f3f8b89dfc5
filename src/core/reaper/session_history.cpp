#include "core/reaper/session_history.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// Logged once for what lasts through many states of the session, not for each state.
bool outlasts_state_change(Rule rule) noexcept {
    return rule == Rule::transaction || rule == Rule::client_gone || rule == Rule::lifetime;
}

} // namespace

void SessionHistory::follow(const Session& session, const Clock& clock) noexcept {
    if (id != session.id) {
        *this = {};
        id = session.id;
        began = clock.at(session.id.start);
    }
    if (state_change != session.state_change) {
        state_change = session.state_change;
        state_since = clock.at(session.state_change);
        exempt_until = 0;
        for (int rule = 0; rule < rule_count; ++rule)
            if (!outlasts_state_change(static_cast<Rule>(rule)))
                logged_limits[rule] = 0;
        was_asleep = false;
    }
    if (xact_start != session.xact_start) {
        xact_start = session.xact_start;
        xact_since = clock.at(session.xact_start);
        logged_limit(Rule::transaction) = 0;
    }
    if (query_start != session.query_start) {
        query_start = session.query_start;
        query_since = clock.at(session.query_start);
        cancelled_at = 0;
        commits = none;
    }
}

void SessionHistory::measure_silence(Inactivity inactivity, Timestamp now, Timestamp longest_gap) noexcept {
    const bool was_silent = was_asleep && inactivity.is_asleep && switches == inactivity.switches;
    const Timestamp gap = now - silent_since_look;
    silent_for = was_silent ? silent_for + std::min(gap, longest_gap) : 0;
    was_asleep = inactivity.is_asleep;
    switches = inactivity.switches;
    silent_since_look = now;
}

void SessionHistory::forget_logged() noexcept {
    std::fill(std::begin(logged_limits), std::end(logged_limits), 0);
}

} // namespace sessionctl::core
