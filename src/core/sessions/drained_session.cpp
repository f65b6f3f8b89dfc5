#include "core/sessions/drained_session.hpp"

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

const char* DrainedSession::reason(const Session& session) const noexcept {
    return is_unknown(session) ? unknown : reason_;
}

bool DrainedSession::has_stalled(const Observation& observed, Timestamp now) noexcept {
    if (state_change_ != observed.state_change) {
        state_change_ = observed.state_change;
        idle_since_ = now;
    }
    return now - idle_since_ >= stalled_after;
}

bool is_unfinished(const Target& target) noexcept {
    return target.outcome == Outcome::still_running &&
           (target.reason == unfinished || target.reason == unread_answer || target.reason == unknown);
}

} // namespace sessionctl::core
