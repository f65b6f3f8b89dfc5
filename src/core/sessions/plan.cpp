#include "core/sessions/plan.hpp"

#include "core/error.hpp"
#include "core/sessions/protection.hpp"

#include <boost/container/flat_map.hpp>

#include <algorithm>
#include <cstdio>
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
        return session.xact_start != 0 ? session.xact_start : std::numeric_limits<Timestamp>::max() - 1;
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

/// The word for an outcome in the summary.
const char* verb(Outcome outcome) noexcept {
    switch (outcome) {
    case Outcome::chosen:
        return "to act on";
    case Outcome::terminated:
        return "ended";
    default:
        return outcome_name(outcome);
    }
}

void append(string& text, const char* separator, std::int64_t number, const char* word) {
    char part[64];
    std::snprintf(part, sizeof part, "%s%lld %s", separator, static_cast<long long>(number), word);
    text.append(part);
}

/// "(superuser)", or with several reasons "(1 self, 2 superuser)".
void append_reasons(string& text, const Plan& plan) {
    boost::container::flat_map<std::string_view, std::int64_t, std::less<std::string_view>,
                               Allocator<std::pair<std::string_view, std::int64_t>>>
        reasons;
    for (const Target& target : plan)
        if (target.outcome == Outcome::spared)
            ++reasons[target.reason];
    text.append(" (");
    if (reasons.size() == 1) {
        text.append(reasons.begin()->first.data());
    } else {
        const char* separator = "";
        for (const auto& [reason, number] : reasons) {
            append(text, separator, number, reason.data());
            separator = ", ";
        }
    }
    text.append(")");
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

void choose(Plan& plan, const Guards& guards) {
    for (Target& target : plan) {
        const Protection protection = protection_of(target.session, guards.include);
        target.reason = protection_name(protection);
        target.outcome = protection == Protection::none                ? Outcome::chosen
                         : protection == Protection::permission_denied ? Outcome::denied
                                                                       : Outcome::spared;
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

string summary(const Plan& plan, Action action) {
    string text;
    if (counted(plan, action) == static_cast<std::int64_t>(plan.size()))
        return text;
    append(text, "matched ", static_cast<std::int64_t>(plan.size()), "");
    text.pop_back();
    const char* separator = ": ";
    for (const Outcome outcome :
         {Outcome::chosen, Outcome::terminated, Outcome::cancelled, Outcome::signalled, Outcome::already_gone,
          Outcome::not_running, Outcome::no_longer_matches, Outcome::spared, Outcome::denied,
          Outcome::still_running, Outcome::not_permitted, Outcome::not_reached}) {
        const std::int64_t number = count_of(plan, outcome);
        if (number == 0)
            continue;
        append(text, separator, number, verb(outcome));
        if (outcome == Outcome::spared)
            append_reasons(text, plan);
        separator = ", ";
    }
    return text;
}

string options_for_spared(const Plan& plan, Inclusion given, const char* argument_sign) {
    Inclusion needed = given;
    for (const Target& target : plan) {
        if (target.outcome != Outcome::spared)
            continue;
        const Inclusion one = inclusion_for(target.session, given);
        needed.superusers |= one.superusers;
        needed.replication |= one.replication;
        needed.background |= one.background;
    }
    string text;
    const auto name = [&](bool is_needed, bool is_given, const char* option, const char* whom) {
        if (!is_needed || is_given)
            return;
        text.append(text.empty() ? "" : ", ").append(option).append(" ").append(argument_sign);
        text.append(" true acts on ").append(whom);
    };
    name(needed.superusers, given.superusers, "include_superusers", "superusers");
    name(needed.replication, given.replication, "include_replication", "walsenders");
    name(needed.background, given.background, "include_background", "background processes");
    return text.empty() ? text : text.append(", too.");
}

} // namespace sessionctl::core
