#include "core/rules/match_streaks.hpp"

#include <algorithm>
#include <utility>

namespace sessionctl::core {

namespace {

/// An aborted transaction has lost its start, and out of transactions there is none: then it is the same as
/// long as the state did not change.
bool is_same_transaction(const Session& before, const Session& now) noexcept {
    if (transaction_start(before) != transaction_start(now))
        return false;
    return transaction_start(now) != 0 || before.state_change == now.state_change;
}

/// Calls by the fast path do not tell when they began.
bool is_same_statement(const Session& before, const Session& now) noexcept {
    return before.query_start == now.query_start &&
           (now.state != State::fastpath || before.state_change == now.state_change);
}

/// When a session that the owner may not see begins a statement or transaction must not show in what the rule
/// does: it matches until it ends.
bool goes_on(Streak streak, const Session& before, const Session& now) noexcept {
    if (before.id != now.id)
        return false;
    if (!now.is_visible)
        return true;
    switch (streak) {
    case Streak::statement:
        return is_same_statement(before, now);
    case Streak::transaction:
        return is_same_transaction(before, now);
    case Streak::session:
        return true;
    }
    return false;
}

} // namespace

MatchStreaks::Open* MatchStreaks::find(std::int32_t pid) noexcept {
    const auto end = open_.begin() + static_cast<std::ptrdiff_t>(known_);
    const auto found = std::lower_bound(
        open_.begin(), end, pid, [](const Open& open, int wanted) { return open.session.id.pid < wanted; });
    return found != end && found->session.id.pid == pid ? &*found : nullptr;
}

MatchStreaks::Known* MatchStreaks::find(const Session& session) noexcept {
    Open* const open = find(session.id.pid);
    return open != nullptr && open->session.id == session.id ? &open->known : nullptr;
}

bool MatchStreaks::hold_back(const Session& session) noexcept {
    Known* const known = find(session);
    return known != nullptr && !std::exchange(known->was_held_back, true);
}

void MatchStreaks::begin_check(Timestamp now, Timestamp check_every) noexcept {
    known_ = open_.size();
    const Timestamp not_looked = std::max<Timestamp>(now - checked_at_ - 2 * check_every, 0);
    for (Open& open : open_) {
        open.known.since += not_looked;
        open.is_seen = false;
    }
    checked_at_ = now;
}

void MatchStreaks::match(const Session& session, Streak streak) {
    const Open begins = {session, {checked_at_, false, false}, true};
    Open* const open = find(session.id.pid);
    if (open == nullptr) {
        open_.push_back(begins);
    } else if (goes_on(streak, open->session, session)) {
        open->is_seen = true;
    } else {
        *open = begins;
    }
}

void MatchStreaks::keep(const Session& session) noexcept {
    Open* const open = find(session.id.pid);
    if (open != nullptr)
        open->is_seen = true;
}

void MatchStreaks::end_check() {
    open_.erase(std::remove_if(open_.begin(), open_.end(), [](const Open& open) { return !open.is_seen; }),
                open_.end());
    const auto by_pid = [](const Open& a, const Open& b) { return a.session.id.pid < b.session.id.pid; };
    if (!std::is_sorted(open_.begin(), open_.end(), by_pid))
        std::sort(open_.begin(), open_.end(), by_pid);
    known_ = open_.size();
}

void MatchStreaks::forget(const Session& session) noexcept {
    Open* const open = find(session.id.pid);
    if (open == nullptr || open->session.id != session.id)
        return;
    open_.erase(open_.begin() + (open - open_.data()));
    known_ = open_.size();
}

void MatchStreaks::forget_actions() noexcept {
    for (Open& open : open_)
        open.known.was_acted_on = false;
}

} // namespace sessionctl::core
