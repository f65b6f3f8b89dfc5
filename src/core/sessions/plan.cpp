#include "core/sessions/plan.hpp"

#include "core/error.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace sessionctl::core {

namespace {

constexpr char kept[] = "kept";

/// Sort key: the lowest is kept first. Sessions whose times the caller may not see have equal keys, so that
/// the choice does not disclose them.
Timestamp keep_key(const Session& session, KeepWhich which) noexcept {
    if (!session.is_visible)
        return std::numeric_limits<Timestamp>::max();
    switch (which) {
    case KeepWhich::oldest:
        return session.id.start;
    case KeepWhich::newest:
        return -session.id.start;
    case KeepWhich::busiest:
        return -session.state_change;
    case KeepWhich::longest:
        return transaction_start(session) != 0 ? transaction_start(session)
                                               : std::numeric_limits<Timestamp>::max() - 1;
    }
    return 0;
}

/// True where `a` is kept before `b`. Ties go to the lower pid, so that a preview and the call agree.
bool kept_before(const Session& a, const Session& b, KeepWhich which) noexcept {
    return std::make_pair(keep_key(a, which), a.id.pid) < std::make_pair(keep_key(b, which), b.id.pid);
}

void keep_some(Plan& plan, const Guards& guards) {
    vector<Target*> candidates;
    for (Target& target : plan)
        if (target.outcome == Outcome::chosen)
            candidates.push_back(&target);
    std::sort(candidates.begin(), candidates.end(), [&guards](const Target* a, const Target* b) {
        return a->group != b->group ? a->group < b->group
                                    : kept_before(a->session, b->session, guards.keep_which);
    });
    std::int64_t rank = 0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        rank = i > 0 && candidates[i]->group == candidates[i - 1]->group ? rank + 1 : 0;
        if (rank < guards.keep) {
            candidates[i]->outcome = Outcome::spared;
            candidates[i]->reason = kept;
        }
    }
}

} // namespace

const char* outcome_name(Outcome outcome) noexcept {
    switch (outcome) {
    case Outcome::chosen:
        return "chosen";
    case Outcome::terminated:
        return "terminated";
    case Outcome::cancelled:
        return "cancelled";
    case Outcome::signalled:
        return "signalled";
    case Outcome::already_gone:
        return "already gone";
    case Outcome::not_running:
        return "not running";
    case Outcome::no_longer_matches:
        return "no longer matches";
    case Outcome::spared:
        return "spared";
    case Outcome::denied:
        return "denied";
    case Outcome::still_running:
        return "still running";
    case Outcome::not_permitted:
        return "not permitted";
    case Outcome::not_reached:
        return "not reached";
    }
    return "";
}

Outcome outcome_of_protection(Protection protection) noexcept {
    switch (protection) {
    case Protection::none:
        return Outcome::chosen;
    case Protection::permission_denied:
        return Outcome::denied;
    default:
        return Outcome::spared;
    }
}

void choose(Plan& plan, const Guards& guards) {
    for (Target& target : plan) {
        const Protection protection = protection_of(target.session, guards.include);
        target.reason = protection_name(protection);
        target.outcome = outcome_of_protection(protection);
    }
    if (guards.keep > 0)
        keep_some(plan, guards);
}

void refuse_excess(const Plan& plan, std::int64_t bound) {
    const std::int64_t number = count_of(plan, Outcome::chosen);
    if (number > bound)
        throw Error(sqlstate::program_limit_exceeded,
                    "%lld sessions would be acted on, more than refuse_above (%lld) allows",
                    static_cast<long long>(number), static_cast<long long>(bound))
            .detail("No session was signalled.")
            .hint("Look at them with sessionctl.preview_where, narrow the condition, or raise refuse_above.");
}

std::int64_t count_of(const Plan& plan, Outcome outcome) noexcept {
    return std::count_if(plan.begin(), plan.end(),
                         [outcome](const Target& t) { return t.outcome == outcome; });
}

std::int64_t counted(const Plan& plan, Action action) noexcept {
    switch (action) {
    case Action::count:
    case Action::preview:
        return count_of(plan, Outcome::chosen);
    case Action::cancel:
        return count_of(plan, Outcome::cancelled) + count_of(plan, Outcome::signalled);
    case Action::terminate:
    case Action::drain:
        return count_of(plan, Outcome::terminated) + count_of(plan, Outcome::signalled);
    case Action::escalate:
        return count_of(plan, Outcome::terminated) + count_of(plan, Outcome::cancelled);
    case Action::close_socket: // a step of an escalation, no call of its own
        break;
    }
    return 0;
}

} // namespace sessionctl::core
