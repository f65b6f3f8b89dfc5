#include "worker/rules/awaited_commits.hpp"

#include "pg/memory.hpp"
#include "pg/sessions/commits.hpp"
#include "pg/sessions/observation.hpp"

#include <algorithm>

namespace sessionctl::worker {

void AwaitedCommits::await(const LoadedRule& rule, const core::Session& session) {
    if (!core::runs_chosen_statement(session, pg::look_at(session)))
        return;
    pg::want_look_before_next_commit(session, pg::Watcher::rules);
    const pg::MemoryScope lasting(TopMemoryContext);
    awaited_.push_back({session, rule.record, rule.record->checks});
}

LoadedRule* AwaitedCommits::rule_of(const Awaited& awaited, const LoadedRules& rules) noexcept {
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const std::unique_ptr<LoadedRule>& each) {
        return each->record == awaited.rule && each->is_checked();
    });
    return found != rules.end() ? found->get() : nullptr;
}

void AwaitedCommits::hasten(const LoadedRules& rules) const noexcept {
    for (const Awaited& each : awaited_) {
        LoadedRule* const rule = rule_of(each, rules);
        if (rule != nullptr && !pg::is_past_abort(each.session))
            rule->times.hasten();
    }
}

void AwaitedCommits::let_go(const LoadedRules& rules) {
    const auto goes_on = [&rules](const Awaited& each) {
        const LoadedRule* const rule = rule_of(each, rules);
        if (rule != nullptr && rule->record->checks == each.checks)
            return false;
        pg::looked_at(each.session, pg::Watcher::rules);
        return true;
    };
    awaited_.erase(std::remove_if(awaited_.begin(), awaited_.end(), goes_on), awaited_.end());
}

} // namespace sessionctl::worker
