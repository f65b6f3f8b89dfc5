#include "core/locks/patience.hpp"

#include "core/reaper/violation_text.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr Timestamp shortest_interval = 20 * microseconds_per_millisecond;
constexpr Timestamp longest_interval = microseconds_per_second;

/// Between two looks at a wait whose patience has ended.
Timestamp pause_after_patience(Timestamp waited) noexcept {
    return std::min(std::max(waited / 10, shortest_interval), longest_interval);
}

/// Each wait is searched for its blockers more often than this.
constexpr Timestamp remembered_for = 10 * longest_interval;

/// Of entries for transactions, in the order of their pids: where those with this pid begin.
template <typename Entries>
auto place_of(Entries& entries, std::int32_t pid) noexcept {
    return std::lower_bound(entries.begin(), entries.end(), pid,
                            [](const auto& entry, std::int32_t wanted) { return entry.id.pid < wanted; });
}

/// Null: there is none.
template <typename Entries>
auto* find_transaction(Entries& entries, const Blocker& blocker) noexcept {
    auto entry = place_of(entries, blocker.id.pid);
    while (entry != entries.end() && entry->id.pid == blocker.id.pid &&
           !(entry->id == blocker.id && entry->xact_start == blocker.xact_start))
        ++entry;
    return entry != entries.end() && entry->id.pid == blocker.id.pid ? &*entry : nullptr;
}

} // namespace

Timestamp look_interval(std::int32_t patience) noexcept {
    const Timestamp half = patience * microseconds_per_millisecond / 2;
    return std::min(std::max(half, shortest_interval), longest_interval);
}

std::optional<Timestamp> earlier_look(Timestamp now, std::int32_t patience, Timestamp next) noexcept {
    return now + look_interval(patience) < next ? std::optional(now + shortest_interval) : std::nullopt;
}

Timestamp earliest_next_look(Timestamp ended, Timestamp used) noexcept {
    return ended + std::min(9 * used, longest_interval);
}

void PatienceMonitor::begin(Timestamp monotonic) noexcept {
    now_ = monotonic;
    next_look_ = never;
    searches_ = 0;
    allowed_searches_ = most_searches;
    first_postponed_ = 0;
    for (Wait& wait : waits_)
        wait.is_checked = false;
}

void PatienceMonitor::look_by(Timestamp at) noexcept {
    next_look_ = std::min(next_look_, at);
}

void PatienceMonitor::look_by(Wait& wait, Timestamp at) noexcept {
    wait.next_look = std::min(wait.next_look, at);
    look_by(at);
}

bool PatienceMonitor::is_due(const LockWait& id, Timestamp since, std::int32_t patience) noexcept {
    Wait* const wait = find_wait(waits_, id);
    if (wait != nullptr)
        wait->is_checked = true;
    const Timestamp ends = since + patience * microseconds_per_millisecond;
    const Timestamp due = wait != nullptr ? std::max(ends, wait->next_look) : ends;
    if (now_ < due) {
        look_by(due);
        return false;
    }
    if (searches_ >= allowed_searches_) {
        look_by(now_ + shortest_interval);
        if (first_postponed_ == 0)
            first_postponed_ = id.waiter.pid;
        return false;
    }
    ++searches_;
    return true;
}

PatienceMonitor::Wait& PatienceMonitor::wait_of(const LockWait& id) {
    Wait* wait = find_wait(waits_, id);
    if (wait == nullptr)
        wait = &*waits_.insert(place_of_waiter(waits_, id.waiter.pid), Wait{id, {}, never, 0, true});
    wait->is_checked = true;
    for (Pair& pair : wait->pairs)
        pair.is_checked = false;
    return *wait;
}

/// Null: nothing has to be remembered of it.
PatienceMonitor::Pair* PatienceMonitor::pair_of(Wait& wait, const Blocker& blocker) {
    if (Pair* const known = find_transaction(wait.pairs, blocker)) {
        known->is_checked = true;
        return known;
    }
    if (blocker.obstacle != Obstacle::none && blocker.since != 0)
        return nullptr;
    const Timestamp since = blocker.since != 0 ? blocker.since : now_;
    return &*wait.pairs.insert(place_of(wait.pairs, blocker.id.pid),
                               Pair{blocker.id, blocker.xact_start, since, false, true});
}

/// None: nothing now, or never.
std::optional<StepKind> PatienceMonitor::step_for(Wait& wait, const Pair& pair, const Blocker& blocker,
                                                  BlockerAction action) noexcept {
    const auto once = [](bool is_done, StepKind kind) {
        return is_done ? std::nullopt : std::optional(kind);
    };
    const Signalled* const signalled = find_transaction(signalled_, blocker);
    const Timestamp cancelled_at = signalled != nullptr ? signalled->cancelled_at : 0;
    const bool is_terminated = signalled != nullptr && signalled->is_terminated;
    switch (action) {
    case BlockerAction::log:
        return once(pair.is_logged, StepKind::log);
    case BlockerAction::cancel:
        return once(cancelled_at != 0, StepKind::cancel);
    case BlockerAction::terminate:
        return once(is_terminated, StepKind::terminate);
    case BlockerAction::escalate:
        break;
    }
    if (cancelled_at == 0 && blocker.runs_statement)
        return once(is_terminated, StepKind::cancel);
    if (cancelled_at != 0 && now_ < cancelled_at + cancel_time) {
        look_by(wait, cancelled_at + cancel_time);
        return std::nullopt;
    }
    return once(is_terminated, StepKind::terminate);
}

/// For how long it has been in the way of the wait.
Timestamp PatienceMonitor::note(Wait& wait, const Blocker& blocker, Timestamp patience) {
    if (Signalled* const signalled = find_transaction(signalled_, blocker))
        signalled->seen_at = now_;
    const Pair* const pair = pair_of(wait, blocker);
    const Timestamp waited = now_ - (pair != nullptr ? pair->since : blocker.since);
    look_by(wait, now_ + (waited < patience ? patience - waited : pause_after_patience(waited)));
    return waited;
}

vector<PatienceStep> PatienceMonitor::check(const LockWait& id, const LockSettings& settings,
                                            const vector<Blocker>& blockers) {
    const Timestamp patience = settings.patience * microseconds_per_millisecond;
    Wait& wait = wait_of(id);
    wait.next_look = never;
    look_by(wait, now_ + (blockers.empty() ? shortest_interval : longest_interval));
    vector<Timestamp> waited;
    bool all_give_way = true;
    for (const Blocker& blocker : blockers) {
        waited.push_back(note(wait, blocker, patience));
        all_give_way &= blocker.obstacle == Obstacle::none && waited.back() >= patience;
    }
    vector<PatienceStep> steps;
    for (std::size_t i = 0; i < blockers.size(); ++i)
        if (all_give_way) {
            if (const auto kind =
                    step_for(wait, *find_transaction(wait.pairs, blockers[i]), blockers[i], settings.action))
                steps.push_back({*kind, blockers[i], waited[i]});
        } else if (waited[i] >= patience && is_to_be_reported(wait, blockers[i].obstacle)) {
            steps.push_back({StepKind::report, blockers[i], waited[i]});
        }
    wait.pairs.erase(std::remove_if(wait.pairs.begin(), wait.pairs.end(),
                                    [](const Pair& pair) { return !pair.is_checked; }),
                     wait.pairs.end());
    return steps;
}

void PatienceMonitor::close(const LockWait& id) noexcept {
    if (Wait* const wait = find_wait(waits_, id))
        wait->next_look = never;
}

bool PatienceMonitor::is_to_be_reported(Wait& wait, Obstacle obstacle) noexcept {
    const std::uint32_t bit = 1u << static_cast<int>(obstacle);
    if (obstacle == Obstacle::none || is_passing(obstacle) || (wait.reported & bit) != 0)
        return false;
    wait.reported |= bit;
    return true;
}

bool PatienceMonitor::all_give_way(const LockWait& id, std::int32_t patience,
                                   const vector<Blocker>& blockers) noexcept {
    return !blockers.empty() && std::all_of(blockers.begin(), blockers.end(), [&](const Blocker& blocker) {
        const Pair* const pair = find_pair(id, blocker);
        return blocker.obstacle == Obstacle::none && pair != nullptr &&
               now_ - pair->since >= patience * microseconds_per_millisecond;
    });
}

PatienceMonitor::Pair* PatienceMonitor::find_pair(const LockWait& id, const Blocker& blocker) noexcept {
    Wait* const wait = find_wait(waits_, id);
    return wait != nullptr ? find_transaction(wait->pairs, blocker) : nullptr;
}

PatienceMonitor::Signalled& PatienceMonitor::signalled_of(const Blocker& blocker) {
    if (Signalled* const known = find_transaction(signalled_, blocker))
        return *known;
    return *signalled_.insert(place_of(signalled_, blocker.id.pid),
                              Signalled{blocker.id, blocker.xact_start, 0, false, now_});
}

void PatienceMonitor::taken(const LockWait& id, const PatienceStep& step) {
    switch (step.kind) {
    case StepKind::report:
        break;
    case StepKind::log:
        if (Pair* const pair = find_pair(id, step.blocker))
            pair->is_logged = true;
        break;
    case StepKind::cancel:
        signalled_of(step.blocker).cancelled_at = now_;
        break;
    case StepKind::terminate:
        signalled_of(step.blocker).is_terminated = true;
        break;
    }
}

void PatienceMonitor::finish() noexcept {
    waits_.erase(
        std::remove_if(waits_.begin(), waits_.end(), [](const Wait& wait) { return !wait.is_checked; }),
        waits_.end());
    signalled_.erase(
        std::remove_if(signalled_.begin(), signalled_.end(),
                       [&](const Signalled& each) { return now_ - each.seen_at > remembered_for; }),
        signalled_.end());
}

string detail_of(const PatienceStep& step, const LockSettings& waiter) {
    string text("A session of ");
    text.append(lock_priority_name(waiter.priority));
    text.append(" lock priority waited for this one for ");
    text.append(length_of_time(step.waited));
    text.append(" (pg_sessionctl.blocker_patience is ");
    text.append(exact_time(waiter.patience));
    text.append(").");
    return text;
}

const char* hint_of(const PatienceStep& step) noexcept {
    return step.kind == StepKind::cancel
               ? "Hold locks for a shorter time; repeat the transaction."
               : "Hold locks for a shorter time; connect again and repeat what was not committed.";
}

} // namespace sessionctl::core
