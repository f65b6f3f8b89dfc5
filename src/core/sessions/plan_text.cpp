#include "core/sessions/plan_text.hpp"

#include <boost/container/flat_map.hpp>

#include <cstdio>
#include <utility>

namespace sessionctl::core {

namespace {

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
