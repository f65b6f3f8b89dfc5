#include "core/reaper/limit_monitor.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// No event shows that a session begins to block others, that the horizon ages, or that a transaction ends.
constexpr Timestamp poll_interval = microseconds_per_second;
/// Silence is the sum of short intervals: a machine that was suspended adds no more than one of them.
constexpr int looks_at_clients = 10;
constexpr Timestamp longest_silent_look = 5 * microseconds_per_second;
/// A cancelled statement gets as long as the limit again to clean up, and at least this.
constexpr Timestamp shortest_grace_period = 5 * microseconds_per_second;
constexpr Timestamp exemption_time = 60 * microseconds_per_second;

Timestamp least_idle_of(const Limits& limits) noexcept {
    return std::max(limits.time(Limit::horizon_idle), microseconds_per_millisecond);
}

Timestamp between_looks_at_clients(Timestamp limit) noexcept {
    return std::max(limit / looks_at_clients, microseconds_per_millisecond);
}

LimitViolation make_violation(Rule rule, const SessionSample& sample, Timestamp lasted) noexcept {
    return {rule, sample.session, sample.limits[limit_of(rule)], lasted, 0, 0, false, 0};
}

} // namespace

bool is_for_unread_notifications(const LimitViolation& violation) noexcept {
    return violation.session.state == State::idle && is_for_silence(violation);
}

bool is_for_silence(const LimitViolation& violation) noexcept {
    return violation.rule == Rule::client_silence ||
           (violation.rule == Rule::horizon && !is_idle_in_transaction(violation.session.state));
}

LimitMonitor::LimitMonitor(int slots) {
    histories_.resize(static_cast<std::size_t>(slots), History{});
}

void LimitMonitor::begin(Timestamp monotonic, Timestamp wall) noexcept {
    clock_.tick(monotonic, wall);
    next_look_ = never;
}

void LimitMonitor::expect_login(const Limits& limits) noexcept {
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::idle_session,
                              Limit::transaction, Limit::statement, Limit::lifetime})
        if (limits[limit] != 0)
            look_by(clock_.now() + limits.time(limit));
    if (limits[Limit::horizon_age] != 0)
        look_by(clock_.now() + std::max(least_idle_of(limits), poll_interval));
    for (const Limit limit : {Limit::client_silence, Limit::client_gone})
        if (limits[limit] != 0)
            look_by(clock_.now() + between_looks_at_clients(limits.time(limit)));
}

LimitMonitor::History& LimitMonitor::history_of(const Session& session) {
    History& history = histories_[static_cast<std::size_t>(session.slot)];
    history.follow(session, clock_);
    return history;
}

void LimitMonitor::look_by(Timestamp at) noexcept {
    next_look_ = std::min(next_look_, at);
}

/// Has what began at `since` reached its limit? Where the rule does not apply, it can begin now at the
/// earliest.
bool LimitMonitor::is_exceeded(Timestamp since, Timestamp limit, bool applies) noexcept {
    const Timestamp at = (applies ? since : clock_.now()) + limit;
    if (applies && at <= clock_.now())
        return true;
    look_by(at);
    return false;
}

/// Was this violation logged already, with the same limit?
bool LimitMonitor::was_logged(const SessionSample& sample, const History& history, Rule rule,
                              Timestamp next) noexcept {
    if (history.logged_limit(rule) != sample.limits[limit_of(rule)])
        return false;
    look_by(clock_.now() + next);
    return true;
}

/// A rule that limits how long something lasts, which began at `since` if the rule `applies`.
LimitMonitor::Found LimitMonitor::check_time(Rule rule, const SessionSample& sample, const History& history,
                                             Timestamp since, bool applies) noexcept {
    const Timestamp limit = sample.limits.time(limit_of(rule));
    if (limit == 0 || !is_exceeded(since, limit, applies) || was_logged(sample, history, rule, limit))
        return {};
    return make_violation(rule, sample, clock_.now() - since);
}

/// The statement is cancelled; where it ignores that, its session is ended.
LimitMonitor::Found LimitMonitor::check_statement(const SessionSample& sample,
                                                  const History& history) noexcept {
    auto found =
        check_time(Rule::statement, sample, history, history.query_since, is_active(sample.session.state));
    if (!found)
        return {};
    found->is_cancel = history.cancelled_at == 0;
    if (found->is_cancel)
        return found;
    const Timestamp end =
        history.cancelled_at + std::max(sample.limits.time(Limit::statement), shortest_grace_period);
    if (clock_.now() >= end)
        return found;
    look_by(
        std::min(end, clock_.now() + sample.limits.time(Limit::statement))); // or the next statement's time
    return {};
}

LimitMonitor::Found LimitMonitor::check_blocking(const SessionSample& sample, const History& history,
                                                 Facts& facts) {
    auto found = check_time(Rule::blocking, sample, history, history.state_since,
                            is_idle_in_transaction(sample.session.state));
    if (!found)
        return {};
    found->waiting_behind = facts.waiting_behind(sample.session);
    if (found->waiting_behind > 0)
        return found;
    look_by(clock_.now() + std::min(sample.limits.time(Limit::blocking), poll_interval));
    return {};
}

/// Idle in a transaction for long enough, or waiting as long for a client that does not read notifications.
/// Such a session shows itself idle since its last statement, and its transaction as old: neither gives the
/// length of the wait.
LimitMonitor::Found LimitMonitor::check_horizon(const SessionSample& sample, History& history, Facts& facts) {
    const std::int32_t age = sample.limits[Limit::horizon_age];
    const Timestamp least_idle = least_idle_of(sample.limits);
    if (age == 0)
        return {};
    const bool is_stuck = delivers_notifications(sample.session) && sample.waits_for_client;
    if (!is_stuck && !is_idle_in_transaction(sample.session.state)) {
        look_by(clock_.now() + std::max(least_idle, poll_interval));
        return {};
    }
    if (is_stuck)
        history.measure_silence(facts.inactivity(sample.session), clock_.now(), 2 * poll_interval);
    const Timestamp since = is_stuck ? clock_.now() - history.silent_for : history.state_since;
    if (!is_exceeded(since, least_idle, true) ||
        was_logged(sample, history, Rule::horizon, std::max(least_idle, poll_interval))) {
        if (is_stuck)
            look_by(clock_.now() + poll_interval);
        return {};
    }
    const std::int64_t held_back = facts.held_back(sample.session);
    if (held_back <= age) {
        look_by(clock_.now() + poll_interval);
        return {};
    }
    LimitViolation found = make_violation(Rule::horizon, sample, clock_.now() - since);
    found.held_back = held_back;
    found.switches = history.switches;
    return found;
}

LimitMonitor::Found LimitMonitor::check_client_silence(const SessionSample& sample, History& history,
                                                       Facts& facts) {
    const Timestamp limit = sample.limits.time(Limit::client_silence);
    if (limit == 0 || was_logged(sample, history, Rule::client_silence, limit))
        return {};
    const Timestamp between_looks = between_looks_at_clients(limit);
    if (!sample.waits_for_client) {
        history.was_asleep = false;
        look_by(clock_.now() + between_looks);
        return {};
    }
    const Timestamp next = std::min(between_looks, longest_silent_look);
    history.measure_silence(facts.inactivity(sample.session), clock_.now(), 2 * next);
    if (history.silent_for < limit) {
        look_by(clock_.now() + std::min(next, limit - history.silent_for));
        return {};
    }
    LimitViolation found = make_violation(Rule::client_silence, sample, history.silent_for);
    found.switches = history.switches;
    return found;
}

/// No event shows that a client is gone. An idle session notices by itself.
LimitMonitor::Found LimitMonitor::check_client_gone(const SessionSample& sample, History& history,
                                                    Facts& facts) {
    const Timestamp limit = sample.limits.time(Limit::client_gone);
    if (limit == 0 || !is_login(sample.session.kind) || was_logged(sample, history, Rule::client_gone, limit))
        return {};
    const Timestamp next = between_looks_at_clients(limit);
    if (!is_active(sample.session.state) || !facts.is_client_gone(sample.session)) {
        history.gone_since = 0;
        look_by(clock_.now() + next);
        return {};
    }
    if (history.gone_since == 0)
        history.gone_since = clock_.now();
    const Timestamp gone_for = clock_.now() - history.gone_since;
    if (gone_for < limit) {
        look_by(clock_.now() + std::min(next, limit - gone_for));
        return {};
    }
    return make_violation(Rule::client_gone, sample, gone_for);
}

std::optional<LimitViolation> LimitMonitor::check(const SessionSample& sample, Facts& facts) {
    History& history = history_of(sample.session);
    if (history.was_signalled)
        return {};
    if (history.exempt_until > clock_.now()) {
        look_by(history.exempt_until);
        return {};
    }
    const State state = sample.session.state;
    // Every rule is checked: each sets when to look again.
    Found found[] = {
        check_time(Rule::idle_in_transaction, sample, history, history.state_since,
                   is_idle_in_transaction(state)),
        check_blocking(sample, history, facts),
        check_horizon(sample, history, facts),
        check_time(Rule::idle_session, sample, history, history.state_since, state == State::idle),
        check_time(Rule::transaction, sample, history, history.xact_since,
                   transaction_start(sample.session) != 0),
        check_client_silence(sample, history, facts),
        check_client_gone(sample, history, facts),
        check_statement(sample, history),
    };
    const auto first =
        std::find_if(std::begin(found), std::end(found), [](const auto& each) { return each.has_value(); });
    if (first == std::end(found))
        return {};
    // How many it blocks is reported for every rule. Outside of a transaction it blocks nobody.
    if (state != State::idle && (*first)->rule != Rule::blocking)
        (*first)->waiting_behind = facts.waiting_behind(sample.session);
    return *first;
}

std::optional<LimitViolation> LimitMonitor::check_lifetime(const SessionSample& sample) {
    const History& history = history_of(sample.session);
    if (history.was_signalled || history.exempt_until > clock_.now())
        return {};
    const auto found =
        check_time(Rule::lifetime, sample, history, history.began, sample.session.state != State::starting);
    if (found)
        look_by(clock_.now() + poll_interval);
    return found;
}

void LimitMonitor::exempt(const Session& session) {
    History& history = history_of(session);
    history.exempt_until = clock_.now() + exemption_time;
    look_by(history.exempt_until);
}

bool LimitMonitor::is_exempt(const Session& session) const noexcept {
    const History& history = histories_[static_cast<std::size_t>(session.slot)];
    return history.id == session.id && history.exempt_until > clock_.now();
}

void LimitMonitor::logged(const LimitViolation& violation) {
    history_of(violation.session).logged_limit(violation.rule) = violation.limit;
    look_by(clock_.now()); // another rule may be violated, too
}

void LimitMonitor::cancelled(const LimitViolation& violation) noexcept {
    History& history = histories_[static_cast<std::size_t>(violation.session.slot)];
    history.cancelled_at = clock_.now();
    look_by(clock_.now() +
            violation.limit * microseconds_per_millisecond); // the next statement can't be due before
}

void LimitMonitor::signalled(const Session& session) {
    history_of(session).was_signalled = true;
}

void LimitMonitor::look_again_soon() noexcept {
    look_by(clock_.now() + microseconds_per_millisecond);
}

Timestamp LimitMonitor::look_again_in_commit(const LimitViolation& violation, std::uint32_t transaction) {
    constexpr Timestamp shortest = 10 * microseconds_per_millisecond;
    const Timestamp longest =
        std::clamp(violation.limit * microseconds_per_millisecond, shortest, poll_interval);
    History& history = history_of(violation.session);
    const Timestamp now = clock_.now();
    if (std::exchange(history.commits, transaction) != transaction)
        history.commits_since = now;
    const Timestamp lasts = now - history.commits_since;
    look_by(now + std::clamp(lasts, microseconds_per_millisecond, longest));
    return lasts;
}

void LimitMonitor::reconsider(bool forgets_logged) noexcept {
    for (History& history : histories_) {
        history.exempt_until = 0;
        if (forgets_logged)
            history.forget_logged();
    }
}

} // namespace sessionctl::core
