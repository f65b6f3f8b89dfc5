// The check of one session rule: its condition is evaluated, and what it claims is decided.
#pragma once

#include "core/rules/rule_check.hpp"
#include "pg/rules/rule_tick.hpp"
#include "worker/rules/loaded_rule.hpp"
#include "worker/rules/rules_enforcer.hpp"

namespace sessionctl::worker {

/// Once, before any check.
void prepare_checks();

/// Adds what the rule may do something about. `number` is the rule's in those claims. An error is the rule's
/// problem.
void check(LoadedRule& rule, std::int32_t number, pg::RuleTick& tick, const RulesEnforcer& enforcer,
           core::vector<core::Claim>& claims);

} // namespace sessionctl::worker
