#include "pg/rules/rule_changes.hpp"

#include "pg/error.hpp"
#include "pg/keep_out/login_lock.hpp"
#include "pg/monotonic.hpp"
#include "pg/sessions/live_server.hpp"
#include "pg/shared_memory.hpp"

extern "C" {
#include "access/xact.h"
}

namespace sessionctl::pg {

namespace {

/// As long as core waits for other sessions of a database that it drops.
constexpr core::Timestamp longest_leave = 5 * core::microseconds_per_second;
constexpr core::Timestamp leave_poll_interval = 5 * core::microseconds_per_millisecond;

bool is_following = false;

/// Of the present transaction.
bool has_changed_rules = false;
int keeps_away_at = 0; // the nesting level of the command; 0: none

void end_keeping_away(SharedRules& rules) noexcept {
    keeps_away_at = 0;
    --rules.kept_away;
    ++rules.changes;
    rules.wake();
}

extern "C" void sessionctl_rules_transaction(XactEvent event, void*) noexcept {
    if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE)
        return;
    SharedMemory* const shared = shared_memory();
    const bool was_changed = std::exchange(has_changed_rules, false) && event == XACT_EVENT_COMMIT;
    if (shared == nullptr)
        return;
    if (keeps_away_at != 0)
        end_keeping_away(shared->rules);
    if (was_changed) {
        ++shared->rules.changes;
        shared->rules.wake();
    }
}

/// A command that fails inside of a savepoint needs nothing any more.
extern "C" void sessionctl_rules_subtransaction(SubXactEvent event, SubTransactionId, SubTransactionId,
                                                void*) noexcept {
    if (keeps_away_at == 0 || GetCurrentTransactionNestLevel() != keeps_away_at)
        return;
    if (event == SUBXACT_EVENT_ABORT_SUB)
        end_keeping_away(shared_memory()->rules);
    else if (event == SUBXACT_EVENT_COMMIT_SUB)
        --keeps_away_at;
}

void follow_transaction() {
    if (!std::exchange(is_following, true))
        call([] {
            RegisterXactCallback(sessionctl_rules_transaction, nullptr);
            RegisterSubXactCallback(sessionctl_rules_subtransaction, nullptr);
        });
}

} // namespace

void wake_rules_at_commit() {
    follow_transaction();
    forbid_prepare("a function that changes session rules");
    has_changed_rules = true;
}

void keep_rules_away() {
    SharedMemory* const shared = shared_memory();
    if (shared == nullptr || keeps_away_at != 0)
        return;
    follow_transaction();
    keeps_away_at = GetCurrentTransactionNestLevel();
    ++shared->rules.kept_away;
    shared->rules.wake();
    const core::Timestamp deadline = monotonic_now() + longest_leave;
    while (shared->rules.pid != 0 && monotonic_now() < deadline)
        pause(leave_poll_interval);
}

} // namespace sessionctl::pg
