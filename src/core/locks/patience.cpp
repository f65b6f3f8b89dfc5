#include "core/locks/patience.hpp"

#include "core/length_of_time.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr Timestamp shortest_interval = 20 * microseconds_per_millisecond;
constexpr Timestamp longest_interval = microseconds_per_second;

/// Between two looks at a wait whose patience has ended.
Timestamp pause_after_patience(Timestamp waited) noexcept {
    return std::min(std::max(waited / 10, shortest_interval), longest_interval);
}

} // namespace

Timestamp look_interval(std::int32_t patience) noexcept {
    const Timestamp half = patience * microseconds_per_millisecond / 2;
    return std::min(std::max(half, shortest_interval), longest_interval);
}

void PatienceMonitor::begin(Timestamp monotonic, Timestamp wall) noexcept {
    clock_.tick(monotonic, wall);
    next_look_ = never;
    for (Wait& wait : waits_)
        wait.is_checked = false;
}

void PatienceMonitor::look_by(Timestamp at) noexcept {
    next_look_ = std::min(next_look_, at);
}

PatienceMonitor::Wait& PatienceMonitor::wait_of(const LockWait& id) {
    auto wait = std::find_if(waits_.begin(), waits_.end(), [&id](const Wait& each) { return each.id == id; });
    if (wait == waits_.end())
        wait = waits_.insert(waits_.end(), Wait{id, {}, false, true});
    wait->is_checked = true;
    for (Pair& pair : wait->pairs)
        pair.is_checked = false;
    return *wait;
}

PatienceMonitor::Pair& PatienceMonitor::pair_of(Wait& wait, const Blocker& blocker) {
    const auto known = std::find_if(wait.pairs.begin(), wait.pairs.end(), [&blocker](const Pair& pair) {
        return pair.id == blocker.id && pair.xact_start == blocker.xact_start;
    });
    if (known != wait.pairs.end()) {
        known->is_checked = true;
        return *known;
    }
    const Timestamp since = blocker.since != 0 ? clock_.at(blocker.since) : clock_.now();
    return wait.pairs.emplace_back(Pair{blocker.id, blocker.xact_start, since, 0, false, false, true});
}

/// None: nothing now, or never.
std::optional<StepKind> PatienceMonitor::step_for(const Pair& pair, const Blocker& blocker,
                                                  BlockerAction action) noexcept {
    const auto once = [](bool is_done, StepKind kind) {
        return is_done ? std::nullopt : std::optional(kind);
    };
    switch (action) {
    case BlockerAction::log:
        return once(pair.is_logged, StepKind::log);
    case BlockerAction::cancel:
        return once(pair.cancelled_at != 0, StepKind::cancel);
    case BlockerAction::terminate:
        return once(pair.is_terminated, StepKind::terminate);
    case BlockerAction::escalate:
        break;
    }
    if (pair.cancelled_at == 0 && blocker.is_active)
        return once(pair.is_terminated, StepKind::cancel);
    if (pair.cancelled_at != 0 && clock_.now() < pair.cancelled_at + cancel_time) {
        look_by(pair.cancelled_at + cancel_time);
        return std::nullopt;
    }
    return once(pair.is_terminated, StepKind::terminate);
}

vector<PatienceStep> PatienceMonitor::check(const LockWait& id, const LockSettings& settings,
                                            const vector<Blocker>& blockers) {
    const Timestamp patience = settings.patience * microseconds_per_millisecond;
    const bool stays = std::any_of(blockers.begin(), blockers.end(),
                                   [](const Blocker& blocker) { return blocker.obstacle != Obstacle::none; });
    vector<PatienceStep> steps;
    Wait& wait = wait_of(id);
    for (const Blocker& blocker : blockers) {
        Pair& pair = pair_of(wait, blocker);
        const Timestamp waited = clock_.now() - pair.since;
        if (waited < patience) {
            look_by(pair.since + patience);
            continue;
        }
        look_by(clock_.now() + pause_after_patience(waited));
        if (!stays) {
            if (const auto kind = step_for(pair, blocker, settings.action))
                steps.push_back({*kind, blocker, waited});
        } else if (blocker.obstacle != Obstacle::none && !wait.is_reported) {
            wait.is_reported = true;
            steps.push_back({StepKind::report, blocker, waited});
        }
    }
    wait.pairs.erase(std::remove_if(wait.pairs.begin(), wait.pairs.end(),
                                    [](const Pair& pair) { return !pair.is_checked; }),
                     wait.pairs.end());
    return steps;
}

PatienceMonitor::Pair* PatienceMonitor::find(const LockWait& id, const Blocker& blocker) noexcept {
    for (Wait& wait : waits_)
        for (Pair& pair : wait.pairs)
            if (wait.id == id && pair.id == blocker.id && pair.xact_start == blocker.xact_start)
                return &pair;
    return nullptr;
}

void PatienceMonitor::taken(const LockWait& id, const PatienceStep& step) noexcept {
    Pair* const pair = find(id, step.blocker);
    if (pair == nullptr)
        return;
    switch (step.kind) {
    case StepKind::report:
        break;
    case StepKind::log:
        pair->is_logged = true;
        break;
    case StepKind::cancel:
        pair->cancelled_at = clock_.now();
        break;
    case StepKind::terminate:
        pair->is_terminated = true;
        break;
    }
}

void PatienceMonitor::finish() noexcept {
    waits_.erase(
        std::remove_if(waits_.begin(), waits_.end(), [](const Wait& wait) { return !wait.is_checked; }),
        waits_.end());
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
