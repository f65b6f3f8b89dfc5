// Sessions that a rule has matched and could not act on, since they go on in their commit or in another
// transaction: they are looked at again before their next commit.
#pragma once

#include "worker/rules/loaded_rules.hpp"

namespace sessionctl::worker {

class AwaitedCommits {
  public:
    /// The session is to wait before its next commit if its statement goes on.
    void await(const LoadedRule& rule, const core::Session& session);
    /// The rules whose sessions wait are due.
    void hasten(const LoadedRules& rules) const noexcept;
    /// Those whose rule was checked since, or is checked no more, go on.
    void let_go(const LoadedRules& rules);

  private:
    struct Awaited {
        core::Session session;
        const pg::RuleRecord* rule;
        std::int64_t checks; // of the rule, by then
    };

    static LoadedRule* rule_of(const Awaited& awaited, const LoadedRules& rules) noexcept;

    core::vector<Awaited> awaited_;
};

} // namespace sessionctl::worker
