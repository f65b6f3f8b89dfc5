#include "core/reaper/limit_monitor.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

/// Nothing tells when a session begins to make others wait, when transactions pass by, or when one ends.
constexpr Timestamp poll = microseconds_per_second;
/// Silence is the sum of short looks: a machine that stood still meanwhile adds no more than one of them.
constexpr int looks_at_clients = 10;
constexpr Timestamp longest_silent_look = 5 * microseconds_per_second;
/// What is cancelled has to clean up: it has as long as the limit again, or this.
constexpr Timestamp least_grace = 5 * microseconds_per_second;
constexpr Timestamp excuse_holds = 60 * microseconds_per_second;

int index_of(Rule rule) noexcept {
    return static_cast<int>(rule);
}

Timestamp least_idle_of(const Limits& limits) noexcept {
    return std::max(limits.time(Limit::horizon_idle), microseconds_per_millisecond);
}

Timestamp between_looks_at_clients(Timestamp limit) noexcept {
    return std::max(limit / looks_at_clients, microseconds_per_millisecond);
}

/// Not for each pause anew, but once for what goes on through many.
bool outlasts_pauses(int rule) noexcept {
    return rule == index_of(Rule::transaction) || rule == index_of(Rule::client_gone) ||
           rule == index_of(Rule::lifetime);
}

LimitViolation violation(Rule rule, const SessionSample& sample, Timestamp lasted) noexcept {
    return {rule, sample.session, sample.limits[limit_of(rule)], lasted, 0, 0, false, 0};
}

} // namespace

bool is_unread(const LimitViolation& violation) noexcept {
    return violation.session.state == State::idle && is_of_silence(violation);
}

bool is_of_silence(const LimitViolation& violation) noexcept {
    return violation.rule == Rule::client_silence ||
           (violation.rule == Rule::horizon && !is_idle_in_transaction(violation.session.state));
}

LimitMonitor::LimitMonitor(int slots) {
    memories_.resize(static_cast<std::size_t>(slots), Memory{});
}

void LimitMonitor::begin(Timestamp monotonic, Timestamp wall) noexcept {
    clock_.tick(monotonic, wall);
    next_look_ = never;
}

void LimitMonitor::expect(const Limits& limits) noexcept {
    for (const Limit limit : {Limit::idle_in_transaction, Limit::blocking, Limit::idle_session,
                              Limit::transaction, Limit::statement, Limit::lifetime})
        if (limits[limit] != 0)
            due(clock_.now() + limits.time(limit));
    if (limits[Limit::horizon_age] != 0)
        due(clock_.now() + std::max(least_idle_of(limits), poll));
    for (const Limit limit : {Limit::client_silence, Limit::client_gone})
        if (limits[limit] != 0)
            due(clock_.now() + between_looks_at_clients(limits.time(limit)));
}

LimitMonitor::Memory& LimitMonitor::recall(const Session& session) {
    Memory& memory = memories_[static_cast<std::size_t>(session.slot)];
    if (memory.id != session.id) {
        memory = {};
        memory.id = session.id;
        memory.began = clock_.at(session.id.start);
    }
    if (memory.state_change != session.state_change) {
        memory.state_change = session.state_change;
        memory.state_since = clock_.at(session.state_change);
        memory.excused_until = 0;
        for (int rule = 0; rule < rule_count; ++rule)
            if (!outlasts_pauses(rule))
                memory.noted[rule] = 0;
        memory.was_asleep = false;
    }
    if (memory.xact_start != session.xact_start) {
        memory.xact_start = session.xact_start;
        memory.xact_since = clock_.at(session.xact_start);
        memory.noted[index_of(Rule::transaction)] = 0;
    }
    if (memory.query_start != session.query_start) {
        memory.query_start = session.query_start;
        memory.query_since = clock_.at(session.query_start);
        memory.cancelled_at = 0;
    }
    return memory;
}

void LimitMonitor::due(Timestamp at) noexcept {
    next_look_ = std::min(next_look_, at);
}

/// Where what is limited goes on, since then, it is over or will be; else it can begin no sooner than now.
bool LimitMonitor::is_over(Timestamp since, Timestamp limit, bool applies) noexcept {
    const Timestamp at = (applies ? since : clock_.now()) + limit;
    if (applies && at <= clock_.now())
        return true;
    due(at);
    return false;
}

/// Was that told of already, and over this limit? Then the next violation is the next news.
bool LimitMonitor::is_old_news(const SessionSample& sample, const Memory& memory, Rule rule,
                               Timestamp next) noexcept {
    if (memory.noted[index_of(rule)] != sample.limits[limit_of(rule)])
        return false;
    due(clock_.now() + next);
    return true;
}

/// A rule with a limit of time on something that goes on, if it `applies`, since then.
std::optional<LimitViolation> LimitMonitor::overdue(Rule rule, const SessionSample& sample,
                                                    const Memory& memory, Timestamp since,
                                                    bool applies) noexcept {
    const Timestamp limit = sample.limits.time(limit_of(rule));
    if (limit == 0 || !is_over(since, limit, applies) || is_old_news(sample, memory, rule, limit))
        return {};
    return violation(rule, sample, clock_.now() - since);
}

/// It is cancelled, and where it swallows that, ended with its session.
std::optional<LimitViolation> LimitMonitor::statement(const SessionSample& sample,
                                                      const Memory& memory) noexcept {
    auto found =
        overdue(Rule::statement, sample, memory, memory.query_since, is_active(sample.session.state));
    if (!found)
        return {};
    found->is_cancel = memory.cancelled_at == 0;
    if (found->is_cancel)
        return found;
    const Timestamp end = memory.cancelled_at + std::max(sample.limits.time(Limit::statement), least_grace);
    if (clock_.now() >= end)
        return found;
    due(std::min(end, clock_.now() + sample.limits.time(Limit::statement))); // or the next statement's time
    return {};
}

std::optional<LimitViolation> LimitMonitor::blocking(const SessionSample& sample, const Memory& memory,
                                                     Facts& facts) {
    auto found = overdue(Rule::blocking, sample, memory, memory.state_since,
                         is_idle_in_transaction(sample.session.state));
    if (!found)
        return {};
    found->waiting_behind = facts.waiting_behind(sample.session);
    if (found->waiting_behind > 0)
        return found;
    due(clock_.now() + std::min(sample.limits.time(Limit::blocking), poll));
    return {};
}

/// Idle in a transaction for long enough, or for as long silent in the delivery of notifications: idle is
/// shown then since the last statement, and that transaction seems to be as old, so neither tells how long it
/// lasts.
std::optional<LimitViolation> LimitMonitor::horizon(const SessionSample& sample, Memory& memory,
                                                    Facts& facts) {
    const std::int32_t age = sample.limits[Limit::horizon_age];
    const Timestamp least_idle = least_idle_of(sample.limits);
    if (age == 0)
        return {};
    const bool is_stuck = delivers_notifications(sample.session) && sample.waits_for_client;
    if (!is_stuck && !is_idle_in_transaction(sample.session.state)) {
        due(clock_.now() + std::max(least_idle, poll));
        return {};
    }
    if (is_stuck)
        listen(memory, facts.inactivity(sample.session), 2 * poll);
    const Timestamp since = is_stuck ? clock_.now() - memory.silent_for : memory.state_since;
    if (!is_over(since, least_idle, true) ||
        is_old_news(sample, memory, Rule::horizon, std::max(least_idle, poll))) {
        if (is_stuck)
            due(clock_.now() + poll);
        return {};
    }
    const std::int64_t held_back = facts.held_back(sample.session);
    if (held_back <= age) {
        due(clock_.now() + poll);
        return {};
    }
    LimitViolation found = violation(Rule::horizon, sample, clock_.now() - since);
    found.held_back = held_back;
    found.switches = memory.switches;
    return found;
}

/// The process neither ran nor had anything to do since the last look.
void LimitMonitor::listen(Memory& memory, Inactivity inactivity, Timestamp longest_gap) noexcept {
    const bool was_silent =
        memory.was_asleep && inactivity.is_asleep && memory.switches == inactivity.switches;
    const Timestamp gap = clock_.now() - memory.silent_since_look;
    memory.silent_for = was_silent ? memory.silent_for + std::min(gap, longest_gap) : 0;
    memory.was_asleep = inactivity.is_asleep;
    memory.switches = inactivity.switches;
    memory.silent_since_look = clock_.now();
}

std::optional<LimitViolation> LimitMonitor::client_silence(const SessionSample& sample, Memory& memory,
                                                           Facts& facts) {
    const Timestamp limit = sample.limits.time(Limit::client_silence);
    if (limit == 0 || is_old_news(sample, memory, Rule::client_silence, limit))
        return {};
    const Timestamp between_looks = between_looks_at_clients(limit);
    if (!sample.waits_for_client) {
        memory.was_asleep = false;
        due(clock_.now() + between_looks);
        return {};
    }
    const Timestamp next = std::min(between_looks, longest_silent_look);
    listen(memory, facts.inactivity(sample.session), 2 * next);
    if (memory.silent_for < limit) {
        due(clock_.now() + std::min(next, limit - memory.silent_for));
        return {};
    }
    LimitViolation found = violation(Rule::client_silence, sample, memory.silent_for);
    found.switches = memory.switches;
    return found;
}

/// Nothing tells when a client goes. An idle session notices by itself.
std::optional<LimitViolation> LimitMonitor::client_gone(const SessionSample& sample, Memory& memory,
                                                        Facts& facts) {
    const Timestamp limit = sample.limits.time(Limit::client_gone);
    if (limit == 0 || sample.session.kind != Kind::client ||
        is_old_news(sample, memory, Rule::client_gone, limit))
        return {};
    const Timestamp next = between_looks_at_clients(limit);
    if (!is_active(sample.session.state) || !facts.is_client_gone(sample.session)) {
        memory.gone_since = 0;
        due(clock_.now() + next);
        return {};
    }
    if (memory.gone_since == 0)
        memory.gone_since = clock_.now();
    const Timestamp gone_for = clock_.now() - memory.gone_since;
    if (gone_for < limit) {
        due(clock_.now() + std::min(next, limit - gone_for));
        return {};
    }
    return violation(Rule::client_gone, sample, gone_for);
}

std::optional<LimitViolation> LimitMonitor::see(const SessionSample& sample, Facts& facts) {
    Memory& memory = recall(sample.session);
    if (memory.was_signalled)
        return {};
    if (memory.excused_until > clock_.now()) {
        due(memory.excused_until);
        return {};
    }
    const State state = sample.session.state;
    // Every rule is asked: each says when it wants to look again.
    std::optional<LimitViolation> found[] = {
        overdue(Rule::idle_in_transaction, sample, memory, memory.state_since, is_idle_in_transaction(state)),
        blocking(sample, memory, facts),
        horizon(sample, memory, facts),
        overdue(Rule::idle_session, sample, memory, memory.state_since, state == State::idle),
        overdue(Rule::transaction, sample, memory, memory.xact_since, sample.session.xact_start != 0),
        client_silence(sample, memory, facts),
        client_gone(sample, memory, facts),
        statement(sample, memory),
    };
    const auto first =
        std::find_if(std::begin(found), std::end(found), [](const auto& each) { return each.has_value(); });
    if (first == std::end(found))
        return {};
    // What it did to others is told, whatever the rule. Outside a transaction nobody waits.
    if (state != State::idle && (*first)->rule != Rule::blocking)
        (*first)->waiting_behind = facts.waiting_behind(sample.session);
    return *first;
}

std::optional<LimitViolation> LimitMonitor::see_age(const SessionSample& sample) {
    const Memory& memory = recall(sample.session);
    if (memory.was_signalled || memory.excused_until > clock_.now())
        return {};
    const auto found =
        overdue(Rule::lifetime, sample, memory, memory.began, sample.session.state != State::starting);
    if (found)
        due(clock_.now() + poll);
    return found;
}

void LimitMonitor::excuse(const Session& session) {
    Memory& memory = recall(session);
    memory.excused_until = clock_.now() + excuse_holds;
    due(memory.excused_until);
}

bool LimitMonitor::is_excused(const Session& session) const noexcept {
    const Memory& memory = memories_[static_cast<std::size_t>(session.slot)];
    return memory.id == session.id && memory.excused_until > clock_.now();
}

void LimitMonitor::note(const LimitViolation& violation) {
    recall(violation.session).noted[index_of(violation.rule)] = violation.limit;
    due(clock_.now()); // another rule may be violated, too
}

void LimitMonitor::cancelled(const LimitViolation& violation) noexcept {
    Memory& memory = memories_[static_cast<std::size_t>(violation.session.slot)];
    memory.cancelled_at = clock_.now();
    due(clock_.now() +
        violation.limit * microseconds_per_millisecond); // the next statement can't be due before
}

void LimitMonitor::signalled(const Session& session) {
    recall(session).was_signalled = true;
}

void LimitMonitor::look_again_soon() noexcept {
    due(clock_.now() + microseconds_per_millisecond);
}

void LimitMonitor::look_again_later() noexcept {
    due(clock_.now() + poll);
}

void LimitMonitor::reconsider(bool forgets_notes) noexcept {
    for (Memory& memory : memories_) {
        memory.excused_until = 0;
        if (forgets_notes)
            std::fill(std::begin(memory.noted), std::end(memory.noted), 0);
    }
}

} // namespace sessionctl::core
