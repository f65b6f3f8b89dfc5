// The session rules as stored: sessionctl.session_rule.
#pragma once

#include "core/rules/rule.hpp"
#include "pg/rules/rule_condition.hpp"

#include <optional>

namespace sessionctl::pg {

/// One row, as it is; its texts live in the memory context in which it was read.
struct RuleRow {
    const char* version; // differs from that of any other state of any rule
    const char* name;
    const char* condition;
    const char* action;
    core::Interval matching_for;
    const char* streak;
    const char* only_when; // null: always
    core::Interval check_every;
    std::optional<std::int32_t> at_most;
    core::Interval at_most_within;
    bool is_enabled;
    core::Interval step;
    core::Interval timeout;
    bool closes_sockets;
    bool forces;
    const char* reason; // null: none
    core::Inclusion include;
    std::optional<std::int32_t> refuse_above;
    std::int32_t keep;
    const char* keep_which;
    const char* per; // null: none
    core::Interval cooldown;
    const char* owner;
    Oid owner_oid;
    const char* time_zone;
    const char* date_style;
    const char* interval_style;
};

RuleRow copy_of(const RuleRow& row, MemoryContext memory);

/// All rules, or the one of this name, by name. With a superuser's rights.
core::vector<RuleRow> read_rules(const char* name = nullptr);

/// Errors: 22023 for a value that is not allowed, 54000 for texts that are too long.
core::SessionRule rule_of(const RuleRow& row);
/// Points into the row. Errors: 22023 for `per`.
RuleText text_of(const RuleRow& row);

/// Why the rule can't be checked for its owner's sake; empty: it can. Its name and its OID must be the same
/// role's, which may still make rules, and close connections if the rule does.
core::string owner_problem(const RuleRow& row);

/// The table of a database that has the extension; else InvalidOid: what else has that name is nobody's to
/// read as a superuser.
Oid rule_table();
/// Until the transaction ends. False if somebody else has locked it: nothing is waited for.
bool lock_rule_table(Oid table);
/// Whoever owns it may disable its triggers, and make rules with the rights of any role.
bool is_owned_by_superuser(Oid table);

} // namespace sessionctl::pg
