// A session rule: what the server does by itself about sessions that match a condition. Here is what decides;
// the texts of its conditions are pg's.
#pragma once

#include "core/memory.hpp"
#include "core/sessions/options.hpp"
#include "core/text.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace sessionctl::core {

/// From the weakest to the strongest.
enum class RuleAction : std::uint8_t { log, notify, drain, cancel, escalate, terminate };

/// What has to stay the same while a session matches: any change begins a new match.
enum class Streak : std::uint8_t { statement, transaction, session };

const char* rule_action_name(RuleAction action) noexcept;
const char* streak_name(Streak streak) noexcept;

struct SessionRule {
    string name;
    bool is_enabled = true;
    RuleAction action = RuleAction::log;
    Timestamp matching_for = 0;
    Streak streak = Streak::statement;
    Timestamp check_every = microseconds_per_second;
    std::optional<std::int32_t> at_most; // actions within `at_most_within`; none: no bound
    Timestamp at_most_within = 60 * microseconds_per_second;
    Timestamp step = 2 * microseconds_per_second;
    Timestamp timeout = 60 * microseconds_per_second;
    bool closes_sockets = false;
    bool forces = false;       // a drained session that is not finished in time is terminated
    Guards guards;             // refuse_above: of the setting, where the rule has none
    std::int64_t cooldown = 0; // ms
};

/// No server has more of them.
constexpr std::int32_t most_rules = 200;
/// Of these the last ones are for superusers.
constexpr std::int32_t reserved_rules = 10;
/// A name is as long as PostgreSQL's own.
constexpr std::size_t longest_rule_name = 63;
/// Of the condition and only_when together, and of the other texts together: its process keeps those of all
/// rules.
constexpr std::size_t longest_rule_texts = 64 * 1024;

/// Errors: 22023 (empty, or with a control character), 42622 (more than 63 bytes).
std::string_view checked_rule_name(std::string_view name, Encoding encoding);

/// Errors: 22023 with the words in the hint.
RuleAction checked_rule_action(std::string_view word);
Streak checked_streak(std::string_view word);

/// In microseconds. Errors: 22023 (negative, infinite, over 30 days).
Timestamp checked_matching_for(const Interval& interval);
/// Errors: 22023 (under 100 ms, infinite, over one hour).
Timestamp checked_check_every(const Interval& interval);
/// Errors: 22023 (under 1, over ActionTimes::most).
std::int32_t checked_at_most(std::int32_t number);
/// Errors: 22023 (not positive, infinite, over one day).
Timestamp checked_at_most_within(const Interval& interval);
/// Errors: 22023 (not positive, infinite, over one hour): a rule waits for proof.
Timestamp checked_rule_timeout(const Interval& interval);

/// Errors: 22023 for an option that this action does not know: force without drain, close_socket without
/// escalate, cooldown without terminate.
void check_rule(const SessionRule& rule);

/// Of its texts, in bytes; 0 where there is none.
struct RuleTextLengths {
    std::size_t condition;
    std::size_t only_when;
    std::size_t reason;
    std::size_t per;
};

/// Errors: 54000.
void check_rule_texts(const RuleTextLengths& lengths);

/// Does the text perhaps have a word such as 'today' for a moment in time? PostgreSQL reads it as the moment
/// at which the text is compiled. The function now() is none.
bool may_name_moment(std::string_view text) noexcept;

/// What the client of an ended session reads, and the log: `Rule "reports": <reason>`.
string rule_detail(std::string_view name, std::string_view reason);

} // namespace sessionctl::core
