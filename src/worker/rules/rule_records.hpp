// The records of session rules in shared memory, as their worker writes them.
#pragma once

#include "pg/error.hpp"
#include "pg/rules/rule_table.hpp"
#include "pg/shared_memory.hpp"

namespace sessionctl::worker {

inline pg::SharedRules& shared_rules() noexcept {
    return pg::shared_memory()->rules;
}

/// Changes what others may read only whole.
template <typename Change>
void change_records(Change&& change) {
    LWLock* const lock = pg::shared_memory()->rules_lock;
    pg::call([&] {
        LWLockAcquire(lock, LW_EXCLUSIVE);
        change();
        LWLockRelease(lock);
    });
}

/// Inside of such a change. That of a rule that is gone is kept until another rule needs the place. Null: all
/// are in use.
pg::RuleRecord* find_or_take_record(const pg::RuleRow& row);

} // namespace sessionctl::worker
