// A session rule as its worker holds it: its row, its compiled condition, and what is known of its sessions.
#pragma once

#include "core/rules/check_times.hpp"
#include "core/rules/match_streaks.hpp"
#include "pg/rules/rule_condition.hpp"
#include "pg/rules/rule_table.hpp"
#include "pg/rules/shared_rules.hpp"

#include <memory>
#include <optional>

namespace sessionctl::worker {

struct LoadedRule {
    explicit LoadedRule(const pg::RuleRow& read);
    ~LoadedRule();
    LoadedRule(const LoadedRule&) = delete;
    LoadedRule& operator=(const LoadedRule&) = delete;

    bool is_checked() const noexcept {
        return row.is_enabled && record != nullptr && !record->is_switched_off;
    }

    const MemoryContext memory;
    const pg::RuleRow row;
    core::SessionRule rule;
    core::string problem; // with the row itself; empty: none
    std::optional<pg::RuleCondition> condition;
    core::MatchStreaks streaks;
    core::CheckTimes times;
    pg::RuleRecord* record = nullptr; // null: there are too many rules
};

/// In a transaction. What is wrong with the row is its problem.
std::unique_ptr<LoadedRule> load_rule(const pg::RuleRow& row);

} // namespace sessionctl::worker
