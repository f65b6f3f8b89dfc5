#include "core/rules/rule.hpp"

#include "core/error.hpp"
#include "core/rules/action_times.hpp"

#include <algorithm>

namespace sessionctl::core {

namespace {

constexpr RuleAction all_actions[] = {RuleAction::log,    RuleAction::notify,   RuleAction::drain,
                                      RuleAction::cancel, RuleAction::escalate, RuleAction::terminate};
constexpr Streak all_streaks[] = {Streak::statement, Streak::transaction, Streak::session};

struct Bounds {
    std::int64_t least; // ms
    std::int64_t most;
    const char* too_short; // after "must"
    const char* too_long;  // after "must not be"
    const char* hint;
};

[[noreturn]] void refuse_interval(const char* name, const char* what, const Bounds& bounds) {
    throw Error(sqlstate::invalid_parameter_value, "%s must not be %s", name, what).hint("%s", bounds.hint);
}

/// In microseconds.
Timestamp checked_interval(const char* name, const Interval& interval, const Bounds& bounds) {
    const std::int64_t total = milliseconds_of(interval);
    if (interval.infinite)
        refuse_interval(name, "infinite", bounds);
    if (total < 0)
        refuse_interval(name, "negative", bounds);
    if (total < bounds.least)
        throw Error(sqlstate::invalid_parameter_value, "%s must %s", name, bounds.too_short)
            .hint("%s", bounds.hint);
    if (total > bounds.most)
        refuse_interval(name, bounds.too_long, bounds);
    return total * microseconds_per_millisecond;
}

void check_length(const char* texts, std::size_t length) {
    if (length > longest_rule_texts)
        throw Error(sqlstate::program_limit_exceeded,
                    "%s of a session rule must not be longer than %zu bytes together", texts,
                    longest_rule_texts)
            .hint("Shorten them, or make several rules.");
}

bool is_letter(char character) noexcept {
    const char lower = static_cast<char>(character | 0x20);
    return (lower >= 'a' && lower <= 'z') || character == '_';
}

/// At the begin of `text`, and not only the begin of a longer one.
bool is_word(std::string_view text, std::string_view word) noexcept {
    const auto is_same = [](char a, char b) { return (a | 0x20) == b; };
    return text.size() >= word.size() &&
           std::equal(word.begin(), word.end(), text.begin(),
                      [&](char b, char a) { return is_same(a, b); }) &&
           (text.size() == word.size() || !is_letter(text[word.size()]));
}

bool is_called(std::string_view after) noexcept {
    const std::size_t next = after.find_first_not_of(" \t\r\n\f\v");
    return next != std::string_view::npos && after[next] == '(';
}

[[noreturn]] void refuse_option(const char* option, const char* action) {
    throw Error(sqlstate::invalid_parameter_value, "%s needs the action '%s'", option, action)
        .hint("Leave out %s, or choose that action.", option);
}

} // namespace

const char* rule_action_name(RuleAction action) noexcept {
    switch (action) {
    case RuleAction::log:
        return "log";
    case RuleAction::notify:
        return "notify";
    case RuleAction::drain:
        return "drain";
    case RuleAction::cancel:
        return "cancel";
    case RuleAction::escalate:
        return "escalate";
    case RuleAction::terminate:
        return "terminate";
    }
    return "";
}

const char* streak_name(Streak streak) noexcept {
    switch (streak) {
    case Streak::statement:
        return "statement";
    case Streak::transaction:
        return "transaction";
    case Streak::session:
        return "session";
    }
    return "";
}

std::string_view checked_rule_name(std::string_view name, Encoding encoding) {
    if (name.empty())
        throw Error(sqlstate::invalid_parameter_value, "the name of a rule must not be empty");
    if (name.size() > longest_rule_name)
        throw Error(sqlstate::name_too_long, "the name of a rule must not be longer than %zu bytes",
                    longest_rule_name);
    for (std::size_t at = 0; at < name.size(); ++at)
        if (control_length(name.substr(at), encoding) > 0)
            throw Error(sqlstate::invalid_parameter_value,
                        "the name of a rule must not contain control characters");
    return name;
}

RuleAction checked_rule_action(std::string_view word) {
    for (const RuleAction action : all_actions)
        if (word == rule_action_name(action))
            return action;
    throw Error(sqlstate::invalid_parameter_value, "unrecognized action \"%.*s\"",
                static_cast<int>(word.size()), word.data())
        .hint("Valid values are 'log', 'notify', 'drain', 'cancel', 'escalate' and 'terminate'.");
}

Streak checked_streak(std::string_view word) {
    for (const Streak streak : all_streaks)
        if (word == streak_name(streak))
            return streak;
    throw Error(sqlstate::invalid_parameter_value, "unrecognized streak \"%.*s\"",
                static_cast<int>(word.size()), word.data())
        .hint("Valid values are 'statement', 'transaction' and 'session': what has to stay the same while a "
              "session matches.");
}

Timestamp checked_matching_for(const Interval& interval) {
    return checked_interval("matching_for", interval,
                            {0, 30 * day_ms, "", "longer than 30 days",
                             "Valid values are '0' (at the first check) to '30 days'; write '10 min' for ten "
                             "minutes."});
}

Timestamp checked_check_every(const Interval& interval) {
    return checked_interval("check_every", interval,
                            {100, longest_timeout_ms, "not be shorter than 100 ms", "longer than one hour",
                             "Valid values are '100 ms' to '1 h'; write '5 s' for five seconds."});
}

std::int32_t checked_at_most(std::int32_t number) {
    if (number < 1 || number > ActionTimes::most)
        throw Error(sqlstate::invalid_parameter_value, "at_most must be between 1 and %d", ActionTimes::most)
            .hint("It is the number of actions within at_most_within; NULL is no bound. A rule that should "
                  "not act has the action 'log', or is disabled.");
    return number;
}

Timestamp checked_at_most_within(const Interval& interval) {
    return checked_interval(
        "at_most_within", interval,
        {1, day_ms, "be longer than '0'", "longer than one day",
         "Valid values are more than '0' and up to '1 day'; write '1 min' for a minute."});
}

Timestamp checked_rule_timeout(const Interval& interval) {
    return checked_interval(
        "timeout", interval,
        {1, longest_timeout_ms, "be longer than '0'", "longer than one hour",
         "Valid values are more than '0' and up to '1 h'; write '5 s' for five seconds."});
}

void check_rule(const SessionRule& rule) {
    if (rule.forces && rule.action != RuleAction::drain)
        refuse_option("force", "drain");
    if (rule.closes_sockets && rule.action != RuleAction::escalate)
        refuse_option("close_socket", "escalate");
    if (rule.cooldown > 0 && rule.action != RuleAction::terminate)
        refuse_option("cooldown", "terminate");
}

void check_rule_texts(const RuleTextLengths& lengths) {
    check_length("condition and only_when", lengths.condition + lengths.only_when);
    check_length("reason and per", lengths.reason + lengths.per);
}

bool may_name_moment(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (at > 0 && is_letter(text[at - 1]))
            continue;
        const std::string_view rest = text.substr(at);
        if (is_word(rest, "today") || is_word(rest, "tomorrow") || is_word(rest, "yesterday") ||
            (is_word(rest, "now") && !is_called(rest.substr(3))))
            return true;
    }
    return false;
}

string rule_detail(std::string_view name, std::string_view reason) {
    string text("Rule ");
    text.append(in_quotes(name));
    if (reason.empty())
        return text.append(".");
    return text.append(": ").append(reason);
}

} // namespace sessionctl::core
